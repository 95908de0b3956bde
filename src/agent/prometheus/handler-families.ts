import { counter, counters, type Family } from "./family.js";

/** Scripts that are run for events; how long they ran is told by the chronicle. */
export const handlerFamilies: readonly Family[] = [
  counter(
    "gossipd_handler_runs_total",
    "Runs of event handlers that have begun",
    ({ handlers }) => {
      return handlers().runs;
    },
  ),
  counter(
    "gossipd_handler_failures_total",
    "Runs of event handlers that failed, those that ran too long included",
    ({ handlers }) => handlers().failures,
  ),
  counter(
    "gossipd_handler_timeouts_total",
    "Runs of event handlers that were ended because they ran too long",
    ({ handlers }) => handlers().timeouts,
  ),
  counters(
    "gossipd_handler_events_lost_total",
    "Events that no handler was told of: there was no room, or the time of a query was over",
    "reason",
    ({ handlers }) => {
      const { dropped, expired } = handlers();
      return { dropped, expired };
    },
  ),
  counter(
    "gossipd_handler_changes_merged_total",
    "Changes of members that newer ones replaced while they waited for a handler",
    ({ handlers }) => handlers().merged,
  ),
];
