import type { Tally, Traffic } from "../../swim/traffic.js";
import { counter, counters, type Family, gauge, gauges } from "./family.js";

/** What goes over the network, and what waits to go. */
export const trafficFamilies: readonly Family[] = [
  byKind(
    "gossipd_packets_total",
    "Gossip packets over UDP, by what their first message is for",
    packetsOf,
    ({ count }) => count,
  ),
  byKind(
    "gossipd_packet_bytes_total",
    "Bytes of gossip packets over UDP, without the headers of IP and UDP",
    packetsOf,
    ({ bytes }) => bytes,
  ),
  counter(
    "gossipd_packet_send_errors_total",
    "Packets that our own machine did not send",
    ({ sendErrors }) => sendErrors(),
  ),
  counters(
    "gossipd_decode_failures_total",
    "Packets and streams that were no message, by what was wrong with them",
    "reason",
    ({ serf: { counters: of, swimCounters } }) => ({
      ...swimCounters.faults,
      payload: of.undecodable,
    }),
  ),
  counters(
    "gossipd_streams_total",
    "Gossip connections over TCP, by who began them",
    "direction",
    ({ serf: { swimCounters: of } }) => ({
      accepted: of.streamsAccepted,
      dialled: of.streamsDialled,
    }),
  ),
  counter(
    "gossipd_streams_refused_total",
    "Gossip connections that were refused or cut because there were too many",
    ({ serf }) => serf.swimCounters.streamsRefused,
  ),
  gauge("gossipd_streams", "Gossip connections that are open", ({ serf }) => {
    return serf.holdings().openStreams;
  }),
  counters(
    "gossipd_stream_bytes_total",
    "Bytes of gossip over TCP",
    "direction",
    ({ serf: { swimCounters: of } }) => ({
      received: of.streamBytesReceived,
      sent: of.streamBytesSent,
    }),
  ),
  byKind(
    "gossipd_stream_messages_total",
    "Whole messages of gossip over TCP",
    ({ streamed }) => streamed,
    ({ count }) => count,
  ),
  byKind(
    "gossipd_stream_message_bytes_total",
    "Bytes of whole messages of gossip over TCP",
    ({ streamed }) => streamed,
    ({ bytes }) => bytes,
  ),
  counter(
    "gossipd_push_pulls_total",
    "Exchanges of the whole state that we began",
    ({ serf }) => serf.swimCounters.pushPulls,
  ),
  counter(
    "gossipd_push_pulls_failed_total",
    "Exchanges of the whole state that we began and that failed",
    ({ serf }) => serf.swimCounters.pushPullsFailed,
  ),
  gauges("gossipd_queue_depth", "What waits to be gossiped", "queue", ({ serf }) => {
    const { eventQueue: event, intentQueue: intent, queryQueue: query } = serf.stats();
    return { claim: serf.queuedClaims, event, intent, query };
  }),
];

type Directions = Readonly<Record<"received" | "sent", Readonly<Record<string, Tally>>>>;

function packetsOf({ received, sent }: Traffic): Directions {
  return { received, sent };
}

function byKind(
  name: string,
  help: string,
  directionsOf: (traffic: Traffic) => Directions,
  figureOf: (tally: Tally) => number,
): Family {
  return {
    name,
    help,
    kind: "counter",
    labels: ["direction", "kind"],
    read: ({ serf }) =>
      Object.entries(directionsOf(serf.swimCounters.traffic)).flatMap(([direction, kinds]) =>
        Object.entries(kinds).map(([kind, tally]) => ({
          labels: [direction, kind],
          value: figureOf(tally),
        })),
      ),
  };
}
