import { constants } from "node:fs";
import { basename, dirname, extname, isAbsolute, join } from "node:path";
import { portStateOf, readListeners } from "../lb/listeners.js";
import { runProgram } from "../lb/run-program.js";
import { type Finding, Findings, pathWord } from "./finding.js";
import {
  beginningOf,
  findInPath,
  isAllowed,
  kindOfPath,
  nearTo,
  systemFolders,
  whyMissing,
} from "./programs.js";
import { examineProgram } from "./script.js";
import { firstCommand } from "./shell-words.js";

export interface ServiceQuestion {
  /** The command line that starts the service. */
  readonly command: string;
  readonly path: string;
  readonly folder: string;
  /** Start it for a moment to hear what it says. */
  readonly tries: boolean;
}

/** How long a service that is tried may run. */
const tryTime = 3_000;

/** Interpreters that are given a file to run. */
const interpreters = /^(sh|bash|dash|ash|python[\d.]*|node|perl|ruby|php|java)$/;

/**
 * Why a service would not start with its command line on this machine: its program, and the files and
 * folders that the command line and its configuration file name. What it would do with them only it knows.
 */
export async function examineService(question: ServiceQuestion): Promise<readonly Finding[]> {
  const { command, folder, tries } = question;
  const findings = new Findings("service", `service ${command}`);
  const { words } = firstCommand(command);
  const [program = "", ...rest] = words;
  if (program === "") {
    findings.skip("only a shell can tell what it runs");
    return findings.all;
  }
  await examineCommand(words, question, findings);
  await examinePort(portOf(rest, configsOf(rest, folder)), findings);
  if (tries && !findings.all.some(({ found }) => /^listens/.test(found))) {
    await tryIt(question, findings);
  }
  if (!findings.hasFaults && !findings.all.some(({ result }) => result === "ok")) {
    findings.ok("its program, and the files and folders that it names, are there");
  }
  return findings.all;
}

/** From where a command is started, and its PATH. */
export type CommandPlace = Pick<ServiceQuestion, "folder" | "path">;

/** Whether its program is there, and the files and folders that it and its configuration name. */
export async function examineCommand(
  [program = "", ...rest]: readonly string[],
  place: CommandPlace,
  findings: Findings,
): Promise<void> {
  await examineItsProgram(program, rest, place, findings);
  for (const { path, what, option } of namedPaths(rest)) {
    examinePath(pathIn(place.folder, path), what, option, rest, findings);
  }
  for (const config of configsOf(rest, place.folder)) examineConfig(config, findings);
}

/** The configuration files that a command line names and that are there. */
export function configsOf(words: readonly string[], folder: string): readonly string[] {
  const named = namedPaths(words).filter(({ what }) => what === "file");
  const paths = new Set(named.map(({ path }) => pathIn(folder, path)));
  return [...paths].filter((path) => kindOfPath(path) === "file");
}

function pathIn(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

async function examineItsProgram(
  program: string,
  rest: readonly string[],
  { folder, path }: CommandPlace,
  findings: Findings,
): Promise<void> {
  const own = new Findings("service", `program ${program}`);
  if (program.includes("/")) {
    await examineProgram(pathIn(folder, program), { path, interpreter: undefined }, own);
  } else if (findInPath(program, `${path}:${systemFolders}`) === undefined) {
    own.fail("there is no such program in the PATH", {
      remedy: [`install ${program}, or write its whole path (PATH is ${path})`],
    });
  }
  const script = interpreters.test(basename(program))
    ? rest.find((word) => !word.startsWith("-"))
    : undefined;
  if (script !== undefined && !rest.some((word) => /^-[cem]$/.test(word))) {
    if (kindOfPath(pathIn(folder, script)) === "missing") {
      own.fail(`there is no file ${script}, which ${program} is to run`, {
        cause: whyMissing(pathIn(folder, script)),
      });
    }
  }
  findings.all.push(...own.all);
}

interface NamedPath {
  readonly path: string;
  /** `new`: it makes the file by itself, in a folder that has to be there. */
  readonly what: "file" | "folder" | "new" | "any";
  /** The option, or empty. */
  readonly option: string;
}

/** What on a command line looks like a path, and what it is by the name of its option. */
function namedPaths(words: readonly string[]): readonly NamedPath[] {
  return words.flatMap((word, index) => {
    const [, joined, value] = /^(--?[\w-]+)=(.+)$/s.exec(word) ?? [];
    const before = words[index - 1] ?? "";
    const option = joined ?? (before.startsWith("-") && !before.includes("=") ? before : "");
    // HAProxy's sockets bear their rights behind them: -S /run/haproxy-master.sock,mode,600
    const path = (value ?? word).replace(/(?<=\w),(mode|uid|gid|user|group|level),.*$/s, "");
    const isPath = /^\.{0,2}\//.test(path) || (option !== "" && /\w\/\w/.test(path));
    if (!isPath || path.startsWith("-") || /^\w+:\/\//.test(path) || path.includes("$")) return [];
    return [{ path, what: kindByName(option, path), option }];
  });
}

function kindByName(option: string, path: string): NamedPath["what"] {
  if (/dir|folder|(^|-)root|(^|-)wal$|data$/i.test(option)) return "folder";
  if (/pid|log|sock|out/i.test(option)) return "new";
  if (/conf|cert|key|(^|-)ca$|pem|file/i.test(option) || option === "-c") return "file";
  return /^\.(ya?ml|json|toml|ini|conf|cfg|crt|key|pem|properties|xml)$/.test(extname(path))
    ? "file"
    : "any";
}

function examinePath(
  path: string,
  what: NamedPath["what"],
  option: string,
  hints: readonly string[],
  all: Findings,
): void {
  const findings = new Findings("service", `${option === "" ? "" : `${option} `}${path}`);
  const kind = kindOfPath(path);
  const word = pathWord(path);
  if (what === "new") {
    if (kindOfPath(dirname(path)) !== "folder") {
      findings.fail(`the folder ${dirname(path)} is missing, in which the service is to write`, {
        remedy: [`mkdir -p ${pathWord(dirname(path))}`],
      });
    }
  } else if (kind === "missing" && what === "folder") {
    findings.fail("there is no such folder", { remedy: [`mkdir -p ${word}`] });
  } else if (kind === "missing") {
    findings.fail("there is no such file", {
      cause: whyMissing(path, hints),
      remedy: insteadOf(path, hints),
    });
  } else if (kind === "folder" && what === "file") {
    findings.fail("is a folder, not a file", {
      cause: "a container makes a folder of a mount whose source is not there",
      remedy: [`remove the folder (rmdir ${word}) and put the file there`],
    });
  } else if (kind === "file" && what === "folder") {
    findings.fail("is a file, not a folder");
  } else if (what === "folder" && !isAllowed(path, constants.W_OK)) {
    findings.fail("may not be written by this user", { remedy: [`chown $(id -u) ${word}`] });
  } else if (kind === "file" && !isAllowed(path, constants.R_OK)) {
    findings.fail("may not be read by this user", { remedy: [`chmod a+r ${word}`] });
  }
  all.all.push(...findings.all);
}

function insteadOf(path: string, hints: readonly string[]): readonly string[] {
  const near = nearTo(path, hints);
  if (near !== undefined)
    return [`cp ${pathWord(near)} ${pathWord(path)}`, "or name the one that is there"];
  return [`mkdir -p ${pathWord(dirname(path))}, and put the file there`];
}

/** Keys of configuration files whose values are paths of folders, or of files that have to be there. */
const folderKey = /dir(ectory)?|folder|(^|_|-)root$|path$/i;
const fileKey = /(cert|key|ca|pem|secret)(_?-?(file|path))?$/i;

/** Paths that a configuration file names; of whatever format, a key and a value in one line. */
function examineConfig(config: string, all: Findings): void {
  const text = beginningOf(config, 64 * 1024).toString("utf8");
  const tlsIsOff = /\b(enable_)?(ssl|tls)(_enabled)?["']?\s*[:=]\s*(false|no|off)\b/i.test(text);
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(#|;|\/\/)/.test(line)) continue;
    const [, key = "", path = ""] = /([\w.-]+)["']?\s*[:=]\s*["']?(\/[^\s"',#;]+)/.exec(line) ?? [];
    if (path === "" || kindOfPath(path) !== "missing") continue;
    const findings = new Findings("service", `${config}, line ${index + 1}: ${key}`);
    if (fileKey.test(key)) {
      if (tlsIsOff) continue;
      findings.fail(`there is no file ${path}`, {
        cause: whyMissing(path),
        remedy: [`put the file there, or change line ${index + 1} of ${config}`],
      });
    } else if (folderKey.test(key) && extname(path) === "") {
      findings.fail(`there is no folder ${path}`, { remedy: [`mkdir -p ${pathWord(path)}`] });
    } else if (kindOfPath(dirname(path)) === "missing") {
      findings.fail(`there is no folder ${dirname(path)}`, {
        remedy: [`mkdir -p ${pathWord(dirname(path))}`],
      });
    }
    all.all.push(...findings.all);
  }
}

/** The port that the service is to listen on: of the command line, or of its configuration. */
function portOf(words: readonly string[], configs: readonly string[]): number | undefined {
  for (const [index, word] of words.entries()) {
    const joined = /^--?(?:[\w-]+-)?port=(\d+)$/.exec(word)?.[1];
    const apart = /^(-p|--?(?:[\w-]+-)?port)$/.test(word) ? words[index + 1] : undefined;
    const port = Number(joined ?? apart);
    if (port > 0 && port < 65_536) return port;
  }
  for (const config of configs) {
    const text = beginningOf(config, 64 * 1024).toString("utf8");
    const port = Number(
      /^\s*["']?(?:listen_?|server_?)?port["']?\s*[:=]\s*["']?(\d+)/im.exec(text)?.[1],
    );
    if (port > 0 && port < 65_536) return port;
  }
  return undefined;
}

async function examinePort(port: number | undefined, findings: Findings): Promise<void> {
  if (port === undefined) return;
  const listeners = await readListeners();
  const { listens, others } = portStateOf(listeners, port);
  if (listens === "yes") findings.ok(`listens on port ${port}`);
  if (listens === "loopback") {
    findings.warn(`listens on port ${port} of 127.0.0.1 alone: no other machine reaches it`, {
      remedy: ["have it listen on 0.0.0.0, or on the address that the balancer has"],
    });
  }
  if (listens === "no") {
    const elsewhere =
      others.length === 0 ? undefined : `ports that are open here: ${others.join(", ")}`;
    findings.fail(`nothing listens on port ${port}`, {
      cause: elsewhere,
      remedy: ["start it, with -try to see what it says"],
    });
  }
}

async function tryIt(
  { command, folder, path }: ServiceQuestion,
  findings: Findings,
): Promise<void> {
  const env = { ...process.env, PATH: path };
  const argv = ["/bin/sh", "-c", command];
  const { code, output, signal, timedOut } = await runProgram(argv, {
    timeout: tryTime,
    cwd: folder,
    env,
  });
  const words = output.trim().split("\n").slice(-3).join(" | ");
  const said = words === "" ? undefined : `it says: ${words}`;
  if (timedOut)
    findings.warn("was started to try it, kept running, and was ended again", {
      cause: said,
      remedy: [`start it: ${command}`],
    });
  else {
    findings.fail(
      `was started to try it and ended at once, with ${code === undefined ? signal : `status ${code}`}`,
      { cause: said },
    );
  }
}
