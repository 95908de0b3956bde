import { counter, counters, type Family } from "./family.js";

/** What the failure detector does; how its probes ended is told by the chronicle. */
export const detectorFamilies: readonly Family[] = [
  counter("gossipd_probes_total", "Probes of members that were begun", ({ serf }) => {
    return serf.swimCounters.probes;
  }),
  counter(
    "gossipd_probes_failed_total",
    "Probes that nobody got an answer to: the member is suspected",
    ({ serf }) => serf.swimCounters.probesFailed,
  ),
  counter(
    "gossipd_probes_degraded_total",
    "Probes whose interval was stretched because of our own bad health",
    ({ serf }) => serf.swimCounters.probesDegraded,
  ),
  counter(
    "gossipd_suspicions_unconfirmed_total",
    "Suspicions that ran out before all the confirmations came that were hoped for",
    ({ serf }) => serf.swimCounters.suspicionsDegraded,
  ),
  counter(
    "gossipd_suspicions_shortened_total",
    "Suspicions that ended early because the host of the member refused connections",
    ({ serf }) => serf.swimCounters.suspicionsShortened,
  ),
  counter(
    "gossipd_refutations_total",
    "Claims that we ourselves had failed which we refuted",
    ({ serf }) => serf.swimCounters.refutations,
  ),
  counter(
    "gossipd_pings_relayed_total",
    "Pings that we sent for other members",
    ({ serf }) => serf.swimCounters.pingsRelayed,
  ),
  counters(
    "gossipd_claims_total",
    "Claims of others that were believed",
    "claim",
    ({ serf: { swimCounters: of } }) => ({
      alive: of.aliveClaims,
      suspect: of.suspectClaims,
      dead: of.deadClaims,
    }),
  ),
  counter(
    "gossipd_claims_refused_total",
    "Claims that no member could have made, and names that found no place",
    ({ serf }) => serf.swimCounters.claimsRefused,
  ),
];
