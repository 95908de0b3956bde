import { formatDuration } from "../../base/duration.js";
import type { HandlerRun, HandlerState, Rerun } from "../../observe/handler-run.js";
import type { Topics } from "../../observe/topics.js";
import { escapeControls, escapeWord, layOut } from "../output.js";

/** How each handler fares, for people; `now` in milliseconds since 1970. */
export function stateText(
  { handlers, journal }: Topics["handlers"]["answer"],
  now: number,
): string {
  if (handlers.length === 0) return "This agent has no event handlers.\n";
  const blocks = handlers.map((state) => {
    const rows = rowsOf(state, now).map(([what, text]) => [`  ${what}`, escapeControls(text)]);
    return `${escapeControls(`${state.filters.join(",")}=${state.script}`)}\n${layOut(rows)}\n`;
  });
  const kept = journal ?? "in memory only (give the agent -handler-journal to keep it)";
  return `${blocks.join("\n")}\nJournal: ${escapeControls(kept)}\n`;
}

/** Runs in a row each, the output of each below it if that is wanted. */
export function logText(runs: readonly HandlerRun[], withOutput: boolean): string {
  if (runs.length === 0) return "No run on record is meant.\n";
  const rows = runs.map((run) => [
    `${run.id}`,
    run.startedAt,
    resultText(run),
    run.tookMillis === null ? "-" : formatDuration(run.tookMillis),
    repeatText(run),
    whatText(run),
    escapeControls(run.script),
  ]);
  const lines = layOut(rows).split("\n");
  return lines
    .map((line, index) => `${line}\n${withOutput ? outputText(runs[index]?.output ?? "") : ""}`)
    .join("");
}

/** What running something again came to. */
export function rerunText({ count, event, leftOut, nodes, run, script }: Rerun): string {
  const about = `${event}${membersText(nodes, count)}`;
  const begun = `Ran '${escapeControls(script)}' again for ${escapeControls(about)}\n`;
  const without =
    leftOut.length === 0
      ? ""
      : `Left out, because that holds no more of them: ${leftOut.map(escapeWord).join(", ")}\n`;
  if (run === null) return `${begun}${without}It has not ended yet; see handlers log.\n`;
  const took = run.tookMillis === null ? "" : ` in ${formatDuration(run.tookMillis)}`;
  return `${begun}${without}Run ${run.id}: ${resultText(run)}${took}\n${outputText(run.output)}`;
}

/** An output below what it belongs to: each line by itself, so that none can forge what stands around it. */
export function outputText(output: string): string {
  if (output === "") return "";
  const lines = output.replace(/\n$/, "").split("\n");
  return lines.map((line) => `    | ${escapeControls(line)}\n`).join("");
}

function rowsOf(state: HandlerState, now: number): [string, string][] {
  const { counts, lastRun, lastSuccessAt, seen } = state;
  const { failures, givenUp, retries, runs, timeouts } = counts;
  const rows: [string, string][] = [["now", nowText(state, now)]];
  if (lastRun !== null) {
    const took = lastRun.tookMillis === null ? "" : ` in ${formatDuration(lastRun.tookMillis)}`;
    const text = `${lastRun.id}: ${whatText(lastRun)}: ${resultText(lastRun)}${took}, ${ago(lastRun.startedAt, now)}`;
    rows.push(["last run", text]);
    const isWell = lastRun.result === "ok";
    if (!isWell)
      rows.push(["last success", lastSuccessAt === null ? "none" : ago(lastSuccessAt, now)]);
  }
  const more = [
    timeouts > 0 ? `${timeouts} timed out` : "",
    retries > 0 ? `${retries} repeated` : "",
    givenUp > 0 ? `${givenUp} given up` : "",
  ].filter((text) => text !== "");
  rows.push(["runs", [`${runs}`, `${failures} failed`, ...more].join(", ")]);
  rows.push(["if it fails", state.retries ? "it runs again" : "the next event is handled"]);
  if (seen !== null) rows.push(["knows", `${seen.present} members to be here${missedText(seen)}`]);
  return rows;
}

function missedText({ gone, unknown }: NonNullable<HandlerState["seen"]>): string {
  const lost = gone.length === 0 ? "" : `; was not told that these are gone: ${gone.join(", ")}`;
  const missing = unknown.length === 0 ? "" : `; does not know ${unknown.join(", ")}`;
  return `${lost}${missing}`;
}

function nowText({ resting, running, waiting }: HandlerState, now: number): string {
  const waits = waiting === 0 ? "" : `; ${waiting} waiting`;
  if (running !== null) {
    const since = formatDuration(Math.max(0, now - Date.parse(running.startedAt)));
    return `runs for ${whatText(running)}, since ${since} (run ${running.id})${waits}`;
  }
  if (resting !== null) {
    const rest = formatDuration(Math.max(0, Math.round(Date.parse(resting.until) - now)));
    return `rests until try ${resting.attempt} in ${rest}${waits}`;
  }
  return waiting === 0 ? "idle" : `${waiting} waiting`;
}

function resultText({ failure, result }: HandlerRun): string {
  if (failure === null || result === "interrupted") return result;
  return `${result} (${escapeControls(failure)})`;
}

function repeatText({ attempt, cause }: HandlerRun): string {
  if (cause === "event") return "-";
  return cause === "retry" ? `try ${attempt}` : cause;
}

function whatText({ count, event, nodes }: HandlerRun): string {
  return escapeControls(`${event}${membersText(nodes, count)}`);
}

/** The first few names. */
function membersText(nodes: readonly string[], count: number): string {
  if (count === 0) return "";
  const named = nodes.slice(0, 3).map(escapeWord);
  const others = count - named.length;
  return ` ${named.join(",")}${others > 0 ? ` and ${others} more` : ""}`;
}

function ago(at: string, now: number): string {
  return `${formatDuration(Math.max(0, Math.round((now - Date.parse(at)) / 1_000) * 1_000))} ago`;
}
