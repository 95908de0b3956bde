import { counter, counters, type Family, gauge } from "./family.js";

/** User events, queries and their answers. */
export const eventFamilies: readonly Family[] = [
  counter(
    "gossipd_user_events_total",
    "User events that were delivered here",
    ({ serf }) => serf.counters.userEvents,
  ),
  counter("gossipd_queries_total", "Queries that were taken in here", ({ serf }) => {
    return serf.counters.queries;
  }),
  counters(
    "gossipd_messages_ignored_total",
    "User events and queries that were heard before, came too late or found no room",
    "reason",
    ({ serf: { counters: of } }) => ({
      duplicate: of.duplicates,
      late: of.tooOld,
      overflow: of.overflows,
    }),
  ),
  counter(
    "gossipd_messages_unsendable_total",
    "Messages that are too long for any packet",
    ({ serf }) => serf.counters.unsendable,
  ),
  counters(
    "gossipd_query_answers_received_total",
    "Answers to queries of ours, each counted once",
    "answer",
    ({ serf: { counters: of } }) => ({ ack: of.queryAcks, response: of.queryResponses }),
  ),
  counters(
    "gossipd_query_answers_sent_total",
    "Answers of ours to queries",
    "answer",
    ({ serf: { counters: of } }) => ({ ack: of.acksSent, response: of.responsesSent }),
  ),
  gauge("gossipd_queries_running", "Queries of ours whose answers are awaited", ({ serf }) => {
    return serf.holdings().queriesRunning;
  }),
  counter(
    "gossipd_coordinates_rejected_total",
    "Coordinates and round-trip times of others that cannot be",
    ({ serf }) => serf.coordinateCounters.rejected,
  ),
];
