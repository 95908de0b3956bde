import type { DecodeReason } from "../wire/errors.js";
import { Traffic } from "./traffic.js";

/** What happened since the start; plain numbers that only grow. */
export class SwimCounters {
  packetsSent = 0;
  packetBytesSent = 0;
  packetsReceived = 0;
  packetBytesReceived = 0;
  /** The same, and what is whole of the streams, by what it was for. */
  readonly traffic = new Traffic();

  streamsDialled = 0;
  streamsAccepted = 0;
  /** Refused or cut because too many were open or held too many bytes. */
  streamsRefused = 0;
  streamBytesSent = 0;
  streamBytesReceived = 0;

  /** Claims that were believed, news or not; those about ourselves that we refuted are not among them. */
  aliveClaims = 0;
  suspectClaims = 0;
  deadClaims = 0;
  /** Alive claims that no member could have made, and names the full table had no place for. */
  claimsRefused = 0;
  conflicts = 0;
  /** Claims that put a member elsewhere and made us ask for it. */
  inquiries = 0;
  refutations = 0;

  probes = 0;
  probesFailed = 0;
  /** Probes with an interval stretched by our own bad health. */
  probesDegraded = 0;
  /** Suspicions that ran out before all the confirmations came that were hoped for. */
  suspicionsDegraded = 0;
  /** Suspicions that we ended early, because the suspect's host refused connections. */
  suspicionsShortened = 0;
  /** Connections to members that did not answer a ping which their hosts refused. */
  refusalsSeen = 0;
  /** Indirect pings of others, answered or not. */
  pingsRelayed = 0;
  relaysRefused = 0;

  pushPulls = 0;
  pushPullsFailed = 0;

  /** Bytes that were no message, by what was wrong with them. */
  readonly faults: Record<DecodeReason, number> = {
    truncated: 0,
    malformed: 0,
    type: 0,
    limit: 0,
    label: 0,
    checksum: 0,
    compression: 0,
    encryption: 0,
  };
}
