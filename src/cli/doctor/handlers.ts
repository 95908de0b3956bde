import { basename, isAbsolute, join } from "node:path";
import { type Finding, Findings } from "../../examine/finding.js";
import { findInPath, isExecutable } from "../../examine/programs.js";
import { examineProgram } from "../../examine/script.js";
import { firstCommand } from "../../examine/shell-words.js";

/** A script behind one or more filters. */
export interface HandlerSetup {
  readonly filters: readonly string[];
  /** The command line. */
  readonly script: string;
}

/** What handlers find around them. */
export interface HandlerPlace {
  /** What they begin in. */
  readonly folder: string;
  readonly path: string;
}

const interpreters: ReadonlySet<string> = new Set(
  "ash bash busybox dash ksh node perl php python python3 ruby sh zsh".split(" "),
);

/** What every shell has in itself. */
const builtIns: ReadonlySet<string> = new Set(
  ". : [ alias bg break case cd continue echo eval exit export false fg for getopts hash if jobs kill local printf pwd read readonly return set shift source test times trap true type ulimit umask unalias unset until wait while {".split(
    " ",
  ),
);

/** Whether what a handler's command line names can be run. */
export async function examineHandler(
  { filters, script }: HandlerSetup,
  place: HandlerPlace,
): Promise<readonly Finding[]> {
  const findings = new Findings("handler", `handler ${filters.join(",")}=${script}`);
  const { words, isWhole } = firstCommand(script);
  const [program = ""] = words;
  if (program === "" || program.includes("$")) {
    findings.skip("only a shell can tell what it runs");
    return findings.all;
  }
  const called = interpreters.has(basename(program)) ? scriptOf(words) : undefined;
  await examineCalled(program, called, place, findings);
  if (!findings.hasFaults) {
    findings.ok(isWhole ? "can be run" : "begins with something that can be run");
  }
  return findings.all;
}

async function examineCalled(
  program: string,
  script: string | undefined,
  { folder, path }: HandlerPlace,
  findings: Findings,
): Promise<void> {
  const inFolder = (file: string): string => (isAbsolute(file) ? file : join(folder, file));
  if (program.includes("/")) {
    const file = inFolder(program);
    if (script === undefined || !isExecutable(file)) {
      await examineProgram(file, { path, interpreter: undefined }, findings);
    }
  } else if (!builtIns.has(program) && findInPath(program, path) === undefined) {
    const isHere = isExecutable(join(folder, program));
    findings.fail(`there is no program ${program} in the PATH of the agent`, {
      cause: isHere ? `${program} lies in ${folder}, where a shell does not look` : undefined,
      remedy: isHere
        ? [`write its whole path in the handler: ${join(folder, program)}`]
        : [`install ${program}, or write its whole path in the handler (PATH is ${path})`],
    });
    return;
  }
  if (script === undefined || script.includes("$")) return;
  const interpreter = program;
  await examineProgram(inFolder(script), { path, interpreter }, findings);
  if (!isAbsolute(script) && findings.hasFaults) {
    findings.warn(
      `the path ${script} is relative: it counts from ${folder}, where the agent was started`,
      {
        remedy: ["write the whole path in the handler"],
      },
    );
  }
}

/** The file that an interpreter is given to read; undefined if it gets its program otherwise. */
function scriptOf([, ...rest]: readonly string[]): string | undefined {
  for (const word of rest) {
    if (/^-\w*[ce]/.test(word) || word === "-m") return undefined;
    if (!word.startsWith("-") && !interpreters.has(word)) return word;
  }
  return undefined;
}
