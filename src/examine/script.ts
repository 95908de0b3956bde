import { realpathSync } from "node:fs";
import { basename, dirname, isAbsolute } from "node:path";
import { runProgram } from "../lb/run-program.js";
import { type Findings, notFlag, pathWord, shellWord } from "./finding.js";
import {
  beginningOf,
  elfLoader,
  findInPath,
  findNearby,
  isExecutable,
  kindOfPath,
  nearTo,
  whyMissing,
} from "./programs.js";

/** What a script or program is run with. */
export interface RunAs {
  /** Of those who run it. */
  readonly path: string;
  /** `bash` of `bash SCRIPT`: then neither its mode nor its first line matter. */
  readonly interpreter: string | undefined;
}

/** How long a shell may take to read a script. */
const syntaxLimit = 3_000;

/** A file that is to be run: whether the system would, and whether it would understand it. */
export async function examineProgram(file: string, as: RunAs, findings: Findings): Promise<void> {
  if (!refuseMissing(file, findings)) return;
  const bytes = beginningOf(file);
  const loader = elfLoader(bytes);
  const isProgram = loader !== undefined || bytes.includes(0);
  if (as.interpreter === undefined && !isExecutable(file)) {
    const remedy = [`chmod +x ${pathWord(file)}`];
    findings.fail("is not executable", {
      cause: "the system runs only files with that permission",
      remedy,
    });
  }
  if (loader !== undefined && kindOfPath(loader) === "missing") {
    findings.fail(`cannot be started here: it needs ${loader}`, {
      cause:
        "it was built for another C library (as glibc and musl, Debian and Alpine), which this system does not have",
      remedy: [
        "build it in an image of the same base as the one it runs in, or link it statically",
      ],
    });
  }
  if (isProgram) return;
  const text = bytes.toString("utf8");
  if (text.trim() === "") {
    findings.fail("is empty: nothing happens when it is run");
    return;
  }
  if (refuseForeignText(file, text, findings)) return;
  const shell = interpreterOf(file, text, as, findings);
  if (shell === undefined) return;
  await examineShellText(file, text, shell, as, findings);
}

function refuseMissing(file: string, findings: Findings): boolean {
  const kind = kindOfPath(file);
  if (kind === "file") return true;
  if (kind === "missing") {
    const remedy = remedyOfMissing(file);
    findings.fail("there is no such file", { cause: whyMissing(file), remedy });
  } else findings.fail(`is no file but a ${kind === "folder" ? "folder" : "device or socket"}`);
  return false;
}

function remedyOfMissing(file: string): readonly string[] {
  const word = pathWord(file);
  const elsewhere = findNearby(file);
  const make =
    kindOfPath(dirname(file)) === "missing" ? `mkdir -p ${pathWord(dirname(file))} && ` : "";
  if (elsewhere !== undefined) {
    return [
      `${make}cp ${pathWord(elsewhere)} ${word}`,
      `or write the path where it is: ${elsewhere}`,
    ];
  }
  const near = nearTo(file);
  if (near !== undefined)
    return [`if ${near} is meant, write that path, or: mv ${pathWord(near)} ${word}`];
  return [
    `put it there; in a Dockerfile: COPY ${basename(file)} ${word}`,
    `or write the path where it is: find / -name ${shellWord(basename(file))}`,
  ];
}

/** Signs of an editor on another system, which the kernel takes for a part of the first line. */
function refuseForeignText(file: string, text: string, findings: Findings): boolean {
  const word = pathWord(file);
  if (text.startsWith("\ufeff")) {
    findings.fail("begins with a byte order mark, so that its first line is not seen", {
      remedy: [`sed -i '1s/^\\xEF\\xBB\\xBF//' ${word}`],
    });
    return true;
  }
  const line = text.split("\n").findIndex((one) => one.endsWith("\r"));
  if (line < 0) return false;
  findings.fail(`has Windows line endings (CRLF), first in line ${line + 1}`, {
    cause: "the carriage return becomes a part of the interpreter's name and of every last word",
    remedy: [`sed -i 's/\\r$//' ${word}`],
  });
  return true;
}

/** The shell that will read it; undefined if it is none, or is not there. */
function interpreterOf(
  file: string,
  text: string,
  as: RunAs,
  findings: Findings,
): string | undefined {
  if (as.interpreter !== undefined) return shellOf(as.interpreter, as.path);
  const shebang = /^#![ \t]*(\S+)(?:[ \t]+(-S[ \t]+)?(\S+))?/.exec(text);
  if (shebang === null) {
    // The shell that runs the handler's command line reads it by itself then.
    if (!isAbsolute(file) || /^\s*(#|[\w"'[.$(:{])/.test(text)) return "sh";
    return undefined;
  }
  const [, program = "", , argument = ""] = shebang;
  const isEnv = basename(program) === "env";
  const named = isEnv ? argument : program;
  const found = isEnv ? findInPath(argument, as.path) : isExecutable(program) ? program : undefined;
  if (found !== undefined) return shellOf(found, as.path);
  const near = findInPath(basename(named), as.path);
  findings.fail(
    `its first line asks for ${isEnv ? `${argument} in the PATH` : program}, which is not there`,
    {
      cause: "the system then says that the script itself was not found (exit status 126 or 127)",
      remedy:
        near === undefined
          ? [
              `install ${basename(named)}, or change line 1 of ${file} to an interpreter that is there: #!/bin/sh`,
            ]
          : [`change line 1 of ${file} to: #!${near}`],
    },
  );
  return undefined;
}

const shells: ReadonlySet<string> = new Set(["sh", "dash", "ash", "bash", "busybox", "ksh", "zsh"]);

function shellOf(interpreter: string, path: string): string | undefined {
  if (!shells.has(basename(interpreter))) return undefined;
  return interpreter.includes("/") ? interpreter : (findInPath(interpreter, path) ?? "/bin/sh");
}

async function examineShellText(
  file: string,
  text: string,
  shell: string,
  { interpreter, path }: RunAs,
  findings: Findings,
): Promise<void> {
  const plain = realNameOf(shell === "sh" ? "/bin/sh" : shell);
  const wide = plain === "bash" || plain === "ksh" || plain === "zsh";
  const bash = wide ? undefined : bashOnly(text, plain);
  const how =
    interpreter === undefined
      ? `change line 1 of ${file} to: #!${findInPath("bash", path) ?? "/bin/bash"}`
      : `in the handler write bash in place of ${interpreter}`;
  if (bash !== undefined) {
    findings.fail(`line ${bash.line} is for bash, but ${plain} reads it: ${bash.text}`, {
      cause: `${bash.what} is not in ${plain}, which /bin/sh is here`,
      remedy: [findInPath("bash", path) === undefined ? `install bash, then ${how}` : how],
    });
    return;
  }
  const argv = [shell === "sh" ? "/bin/sh" : shell, "-n", notFlag(file)];
  const result = await runProgram(argv, { timeout: syntaxLimit });
  if (result.code !== undefined && result.code !== 0) {
    const words = result.output.trim().split("\n")[0] ?? "";
    findings.fail(`${plain} cannot read it: ${words}`, {
      remedy: [`${argv.map(shellWord).join(" ")}`],
    });
    return;
  }
  for (const fault of [...missingTools(text, path), ...missingFolders(text)]) {
    findings.fail(fault.found, { remedy: [fault.remedy] });
  }
}

/** What `/bin/sh` really is. */
function realNameOf(shell: string): string {
  try {
    return basename(realpathSync(shell));
  } catch {
    return basename(shell);
  }
}

interface BashLine {
  readonly line: number;
  readonly text: string;
  readonly what: string;
}

/** What only bash and its like understand; `ash`: busybox does as well. */
const bashForms: readonly { readonly form: RegExp; readonly what: string; readonly ash?: true }[] =
  [
    { form: /^\s*(?:(?:el)?if|while|until|!)?\s*\[\[\s/, what: "[[", ash: true },
    { form: /(?:^|[;&|]\s*)[A-Za-z_]\w*\+?=\(/, what: "an array" },
    { form: /\bread\s+(?:-\w+\s+)*-a\b/, what: "read -a" },
    { form: /<<</, what: "<<<" },
    {
      form: /(?:^|\s)(?:declare|typeset|shopt|mapfile|readarray|pushd|popd)\s/,
      what: "this command",
    },
    { form: /^\s*function\s+\w+/, what: "function", ash: true },
    { form: /^\s*source\s/, what: "source", ash: true },
    { form: /\$\{[A-Za-z_]\w*(?:\/|:\d)/, what: "this form of expansion", ash: true },
    { form: /\$\{[A-Za-z_]\w*[\^,]/, what: "this form of expansion" },
    { form: /<\(/, what: "<()" },
    { form: /\$\{[A-Za-z_]\w*\[/, what: "an array" },
  ];

/** The first line that `shell`, which is none of bash's like, does not understand. */
function bashOnly(text: string, shell: string): BashLine | undefined {
  const isAsh = shell === "busybox" || shell === "ash";
  for (const { code, line } of codeLines(text)) {
    for (const { ash, form, what } of bashForms) {
      if (form.test(code) && !(isAsh && ash === true))
        return { line, text: code.trim().slice(0, 80), what };
    }
  }
  return undefined;
}

/** Without comments, here-documents and the inside of single quotes, in which other languages stand. */
function codeLines(text: string): readonly { code: string; line: number }[] {
  const lines: { code: string; line: number }[] = [];
  let quoted = false;
  let end: string | undefined;
  for (const [index, whole] of text.split("\n").entries()) {
    if (end !== undefined) {
      if (whole.trim() === end) end = undefined;
      continue;
    }
    let code = "";
    for (const [at, sign] of [...whole].entries()) {
      if (sign === "'" && whole[at - 1] !== "\\") quoted = !quoted;
      else if (!quoted && sign === "#" && /^$|\s$/.test(code)) break;
      else if (!quoted) code += sign;
    }
    end = quoted ? undefined : /<<-?\s*["\\]?(\w+)/.exec(whole.replaceAll("'", ""))?.[1];
    if (code.trim() !== "") lines.push({ code, line: index + 1 });
  }
  return lines;
}

/** What handlers call and systems lack; all else is told by the status 127 of a run. */
const tools =
  "bash|curl|gossipd|handlebars|haproxy|jq|nc|nginx|node|python3|serf|service|socat|sudo|systemctl|wget";
const toolCall = new RegExp(
  `(?:^|[;&|(\`]|\\$\\(|\\b(?:then|do|else|exec|if|while|!))\\s*(${tools})(?=\\s|$)`,
  "g",
);

function missingTools(text: string, path: string): readonly { found: string; remedy: string }[] {
  const seen = new Set<string>();
  return codeLines(text).flatMap(({ code, line }) =>
    [...code.matchAll(toolCall)].flatMap(([, tool = ""]) => {
      const asks = new RegExp(`command -v ${tool}|which ${tool}|type ${tool}`).test(text);
      if (seen.has(tool) || asks || findInPath(tool, path) !== undefined) return [];
      seen.add(tool);
      return [
        {
          found: `line ${line} calls ${tool}, which is not in its PATH`,
          remedy: `install ${tool}, or write its whole path in the script (PATH is ${path})`,
        },
      ];
    }),
  );
}

/** Folders that a script writes into and that are not there. */
function missingFolders(text: string): readonly { found: string; remedy: string }[] {
  const made = new Set(text.match(/(?<=mkdir[^\n;&|]*\s)\/[\w./-]+/g) ?? []);
  const seen = new Set<string>();
  return codeLines(text).flatMap(({ code, line }) => {
    const targets = [...code.matchAll(/(?:>>?|\btee(?:\s+-a)?)\s*"?(\/[\w./$"{}-]+)/g)];
    return targets.flatMap(([, target = ""]) => {
      const literal = target.replace(/["$].*$/s, "");
      const folder = literal.endsWith("/") ? literal.replace(/\/+$/, "") : dirname(literal);
      if (folder === "" || seen.has(folder) || kindOfPath(folder) !== "missing") return [];
      if ([...made].some((one) => folder.startsWith(one.replace(/\/+$/, "")))) return [];
      seen.add(folder);
      return [
        {
          found: `line ${line} writes into ${folder}, and there is no such folder`,
          remedy: `mkdir -p ${pathWord(folder)}`,
        },
      ];
    });
  });
}
