import { formatDuration } from "../../base/duration.js";
import type { Bytes, Millis } from "../../base/units.js";
import type { Environment } from "../../handler/handler-input.js";
import { runLimits } from "../../handler/handler-runner.js";
import { escapeControls } from "../output.js";
import type { BenchReport } from "./bench.js";
import type { FileChange } from "./folder-state.js";
import type { PutBack } from "./put-back.js";
import { outputText } from "./text.js";
import type { Trial } from "./trial.js";

/** Something that an author of handlers should know. */
export interface Warning {
  readonly id:
    | "failed"
    | "slow"
    | "output-held"
    | "child-left"
    | "stdin-unread"
    | "value-executed"
    | "value-globbed"
    | "value-split"
    | "hostile-failed"
    | "wrote-outside";
  readonly text: string;
}

/** What is wrong with a script, the worst first. */
export function warningsOf({ hostile, outside, trial }: BenchReport): readonly Warning[] {
  const warnings: Warning[] = [];
  const warn = (id: Warning["id"], text: string): number => warnings.push({ id, text });
  const { executed, globbed, split } = hostile?.mishandling ?? {};
  if (executed) {
    warn(
      "value-executed",
      "runs a part of a tag's value as a command: any member could have it do anything. It evaluates the value (eval, sh -c, a template of commands); pass it on as an argument instead.",
    );
  }
  if (globbed) {
    warn(
      "value-globbed",
      'replaces a pattern in a tag\'s value by file names: put the variable into double quotes ("$TAGS").',
    );
  }
  if (split) {
    warn(
      "value-split",
      `splits a tag's value at blanks: put the variable into double quotes ("$TAGS"), and read lines with IFS="$(printf '\\t')" read -r NAME IP ROLE TAGS, as tabs stand between the columns.`,
    );
  }
  if (trial.failure !== null && !isCutOff(trial))
    warn("failed", `fails: ${trial.failure}${hint(trial)}`);
  if (isCutOff(trial) || trial.heldMillis >= longHeld) {
    warn(
      "output-held",
      `leaves something behind that holds its output open, for ${formatDuration(trial.heldMillis)} here: the agent waits for that, until handler_timeout. Redirect the output of what goes on in the background (>/dev/null 2>&1).`,
    );
  }
  for (const { name, pid } of trial.leftBehind) {
    warn(
      "child-left",
      `leaves a process behind: ${name} (${pid}), which was ended now. The agent lets it live; with every event there may be one more.`,
    );
  }
  if ((trial.unreadBytes ?? 0) > 0 && trial.failure === null) {
    warn(
      "stdin-unread",
      `leaves ${trial.unreadBytes} bytes of its standard input unread: members are told there, several in one run.`,
    );
  }
  if (hostile !== undefined && trial.failure === null && hostile.trial.failure !== null) {
    warn(
      "hostile-failed",
      `fails if one member has a strange tag (${hostile.trial.failure}), for all other members as well: skip what is not usable and go on.`,
    );
  }
  const took = trial.tookMillis - trial.heldMillis;
  if (trial.failure === null && took > runLimits.slowAfter) {
    warn("slow", `takes ${formatDuration(took)}: events wait and are merged meanwhile.`);
  }
  if (outside.length > 0) {
    warn(
      "wrote-outside",
      `writes outside of the folders that are watched: ${outside.join(", ")}. Name their folders with -watch-dir to see what.`,
    );
  }
  return warnings;
}

/** The report for people. */
export async function benchText(
  report: BenchReport,
  warnings: readonly Warning[],
): Promise<string> {
  const { files, hostile, trial } = report;
  const status = trial.exitStatus === null ? "none" : String(trial.exitStatus);
  const lines = [`Exit status: ${status} in ${formatDuration(trial.tookMillis)}\n`];
  lines.push(trial.output === "" ? "Output: none\n" : `Output:\n${outputText(trial.output)}`);
  lines.push(files.length === 0 ? "Files: none changed\n" : "Files:\n");
  for (const file of files) lines.push(await fileText(file));
  if (hostile !== undefined) {
    lines.push(`With hostile tags: exit status ${hostile.trial.exitStatus ?? "none"}; `);
    lines.push(putBackText(hostile.putBack));
  }
  if (warnings.length === 0) lines.push("Warnings: none\n");
  else {
    lines.push("Warnings:\n");
    for (const { text } of warnings) lines.push(`  - It ${escapeControls(text)}\n`);
  }
  return lines.join("");
}

function putBackText({ done, keptIn, left }: PutBack): string {
  const all = done.length + left.length;
  if (all === 0) return "no watched file changed meanwhile\n";
  const lines = [
    left.length === 0
      ? "the watched files that changed meanwhile were put back\n"
      : `of ${all} watched files that changed meanwhile ${done.length} were put back\n`,
    ...left.map(({ path, reason }) => `  left as it is: ${escapeControls(path)} (${reason})\n`),
  ];
  if (keptIn !== null) {
    lines.push(
      `  what they held before that, as others may have written it, is kept in ${keptIn}\n`,
    );
  }
  return lines.join("");
}

/** What a script is given, for people: its variables, and each line of its standard input. */
export function givenText(environment: Environment, stdin: Bytes): string {
  const own = Object.entries(environment)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `  ${escapeControls(`${name}=${value}`)}\n`);
  const text = Buffer.from(stdin).toString("utf8");
  const input = text === "" ? "Standard input: empty\n" : `Standard input:\n${outputText(text)}`;
  return `Environment, beside what the agent itself was given:\n${own.join("")}${input}`;
}

/** So long output is open only if somebody holds it. */
const longHeld: Millis = 250;

/** It ended by itself and well, and yet had to be told to end. */
function isCutOff({ exitStatus, isTimedOut }: Trial): boolean {
  return isTimedOut && exitStatus === 0;
}

function hint({ exitStatus, isTimedOut }: Trial): string {
  if (isTimedOut) return ", as it took longer than -timeout";
  if (exitStatus === 126) return ", which says that it is not executable (chmod +x)";
  if (exitStatus === 127) return ", which says that a command was not found";
  return "";
}

async function fileText({ after, before, change, path }: FileChange): Promise<string> {
  const head = `  ${change}: ${escapeControls(path)}\n`;
  const isKnown =
    (before !== undefined || change === "created") && (after !== undefined || change === "removed");
  if (!isKnown || change === "mode changed") return head;
  // Nobody else needs it.
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const patch = createTwoFilesPatch(
    change === "created" ? "/dev/null" : path,
    change === "removed" ? "/dev/null" : path,
    before ?? "",
    after ?? "",
    undefined,
    undefined,
    { headerOptions: FILE_HEADERS_ONLY },
  );
  const lines = patch.replace(/\n$/, "").split("\n");
  return `${head}${lines.map((line) => `    ${escapeControls(line)}\n`).join("")}`;
}
