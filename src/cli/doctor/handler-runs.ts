import { formatDuration } from "../../base/duration.js";
import { type Finding, Findings, operand, pathWord } from "../../examine/finding.js";
import type { HandlerRun, HandlerState } from "../../observe/handler-run.js";

/** A run that takes longer holds up what comes after it. */
const slowAfter = 5_000;

/** Whether a handler does what it is there for, by what the agent's journal has of it. */
export function examineRuns(state: HandlerState, now: number): readonly Finding[] {
  const { filters, lastRun, resting, running, script, seen } = state;
  const findings = new Findings("handler-runs", `runs of ${filters.join(",")}=${script}`);
  const rerun = `gossipd handlers rerun ${operand(script)}`;
  if (lastRun !== null && lastRun.result !== "ok" && lastRun.result !== "running") {
    const more = resting === null ? "" : `, and is tried again at ${resting.until}`;
    findings.fail(`the last run, for ${lastRun.event}, ${endOf(lastRun)}${more}`, {
      cause: causeOf(lastRun),
      remedy: [...remedyOf(lastRun), `then: ${rerun}`],
    });
  }
  const since = running === null ? 0 : now - Date.parse(running.startedAt);
  if (running !== null && since > slowAfter) {
    findings.warn(
      `a run has not ended for ${formatDuration(Math.round(since))}: what comes next waits`,
      {
        remedy: [
          "have the script end before it waits for anything: what shall stay is put into the background with its output redirected",
        ],
      },
    );
  }
  const { counts, times } = state;
  const mean = counts.runs === 0 ? 0 : times.sumMillis / counts.runs;
  if (mean > slowAfter) {
    findings.warn(`runs take ${formatDuration(Math.round(mean))} on average`, {
      remedy: ["how long each took: gossipd handlers log"],
    });
  }
  if (seen !== null && running === null && resting === null) {
    const missed = [
      ...seen.unknown.map((name) => `${name} joined`),
      ...seen.gone.map((name) => `${name} is gone`),
    ];
    if (missed.length > 0 && !findings.hasFaults) {
      findings.warn(`it was never told with success: ${missed.join(", ")}`, { remedy: [rerun] });
    }
  }
  if (!findings.hasFaults) {
    if (lastRun === null) findings.skip("it has not been run yet");
    else findings.ok(`${counts.runs} runs, the last one ended well`);
  }
  return findings.all;
}

function endOf({ result, failure, tookMillis }: HandlerRun): string {
  if (result === "timed out")
    return `took longer than handler_timeout (${tookMillis ?? "?"} ms) and was ended`;
  if (result === "interrupted") return "was under way when the agent ended";
  return `failed: ${failure ?? result}`;
}

/** What a shell means by its status, and what the script itself said last. */
function causeOf({ exitStatus, output }: HandlerRun): string | undefined {
  const said = output.trim().split("\n").at(-1)?.trim() ?? "";
  const words = said === "" ? "" : `: ${said.slice(0, 300)}`;
  if (exitStatus === 127) return `a program or file that it names was not found${words}`;
  if (exitStatus === 126) return `a file that it names is not executable${words}`;
  if (exitStatus === 2 && /syntax|unexpected/i.test(said))
    return `the shell cannot read it${words}`;
  return said === "" ? undefined : `it says: ${said.slice(0, 300)}`;
}

function remedyOf({ exitStatus, id, output, result }: HandlerRun): readonly string[] {
  if (result === "timed out") return ["make it faster, or set a longer handler_timeout"];
  const said = output.trim().split("\n").at(-1) ?? "";
  const missing = /([\w./-]+): (?:not found|command not found|No such file or directory)/.exec(
    said,
  )?.[1];
  if (exitStatus === 127 && missing !== undefined)
    return [`install ${missing}, or correct its path`];
  const denied = /([\w./-]+): Permission denied/.exec(said)?.[1];
  if (denied !== undefined) return [`let the agent's user at it: ls -l ${pathWord(denied)}`];
  return [`all that run ${id} wrote: gossipd handlers log -failed -output`];
}
