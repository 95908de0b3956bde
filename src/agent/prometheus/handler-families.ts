import type { HandlerState } from "../../observe/handler-run.js";
import { counter, counters, type Family, type Sample } from "./family.js";

/** Scripts that have labels of their own; they come from the configuration. */
export const maxScripts = 64;

/** Of a command line; how it begins tells which one it is. */
const maxScriptLength = 120;

/** Scripts that are run for events; how long they ran is told by the chronicle. */
export const handlerFamilies: readonly Family[] = [
  perScript(
    "counter",
    "gossipd_handler_runs_total",
    "Runs of event handlers that have ended",
    ({ counts }) => counts.runs,
  ),
  perScript(
    "counter",
    "gossipd_handler_failures_total",
    "Runs of event handlers that failed, those that ran too long included",
    ({ counts }) => counts.failures,
  ),
  perScript(
    "counter",
    "gossipd_handler_timeouts_total",
    "Runs of event handlers that were ended because they ran too long",
    ({ counts }) => counts.timeouts,
  ),
  perScript(
    "counter",
    "gossipd_handler_retries_total",
    "Runs of event handlers that repeated one that had failed",
    ({ counts }) => counts.retries,
  ),
  perScript(
    "counter",
    "gossipd_handler_given_up_total",
    "Events that a handler failed at as often as they may be tried",
    ({ counts }) => counts.givenUp,
  ),
  perScript(
    "gauge",
    "gossipd_handler_waiting",
    "Members and messages that wait for a handler",
    ({ waiting }) => waiting,
  ),
  perScript("gauge", "gossipd_handler_running", "1 while the handler runs", ({ running }) =>
    Number(running !== null),
  ),
  perScript(
    "gauge",
    "gossipd_handler_failing",
    "1 if the run that ended last failed",
    ({ lastRun }) => Number(lastRun !== null && lastRun.result !== "ok"),
    Math.max,
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

/** A command line as a label. */
export function scriptLabel(script: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  return script.slice(0, maxScriptLength).replace(/[\u0000-\u001f\u007f]/g, " ");
}

/** `together`: of two handlers with one label, such as an event and a state handler of the same script. */
function perScript(
  kind: Family["kind"],
  name: string,
  help: string,
  numberOf: (handler: HandlerState) => number,
  together = (one: number, other: number): number => one + other,
): Family {
  const read: Family["read"] = ({ handlerStates }) => {
    const byLabel = new Map<string, number>();
    for (const handler of handlerStates().slice(0, maxScripts)) {
      const label = scriptLabel(handler.script);
      byLabel.set(label, together(byLabel.get(label) ?? 0, numberOf(handler)));
    }
    return Array.from(byLabel, ([label, value]): Sample => ({ labels: [label], value }));
  };
  return { name, help, kind, labels: ["script"], read };
}
