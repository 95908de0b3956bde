import { counter, counters, type Family, gauge, gauges } from "./family.js";

/** Who is there, and what we think of ourselves. */
export const memberFamilies: readonly Family[] = [
  gauges(
    "gossipd_members",
    "Members that are remembered, ourselves included, by status",
    "status",
    ({ serf }) => {
      const counts = { alive: 0, leaving: 0, left: 0, failed: 0 };
      for (const { status } of serf.members()) if (status !== "none") counts[status] += 1;
      return counts;
    },
  ),
  gauge(
    "gossipd_members_suspected",
    "Members that somebody suspects of having failed",
    ({ serf }) => serf.instances().suspect,
  ),
  counters(
    "gossipd_member_changes_total",
    "What became known of members since the start; a flap is one that came back soon after it had failed",
    "change",
    ({ serf: { counters: of } }) => ({
      join: of.joins,
      leave: of.leaves,
      failed: of.failures,
      update: of.updates,
      reap: of.reaps,
      flap: of.flaps,
    }),
  ),
  counter(
    "gossipd_members_refused_total",
    "Names that the full table of members had no place for",
    ({ serf }) => serf.counters.membersRefused,
  ),
  counter(
    "gossipd_name_conflicts_total",
    "Claims that a name which is taken is somewhere else",
    ({ serf }) => serf.swimCounters.conflicts,
  ),
  gauge(
    "gossipd_joined",
    "1 if the members that are seen are all there is, 0 while there is somebody to join",
    ({ isJoined }) => Number(isJoined()),
  ),
  gauge(
    "gossipd_settled",
    "1 if joined, nobody is suspected, and for two seconds nothing has changed of the members",
    ({ isSettled }) => Number(isSettled()),
  ),
  gauge("gossipd_isolated", "1 if there should be others and nobody is heard", ({ now, serf }) =>
    Number(serf.health(now()).isolated),
  ),
  gauge(
    "gossipd_health_score",
    "Lifeguard's score of our own health: 0 is well, 8 the worst",
    ({ now, serf }) => serf.health(now()).awareness,
  ),
];
