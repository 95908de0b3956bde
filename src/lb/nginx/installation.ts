import { dirname, isAbsolute, resolve } from "node:path";
import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";
import type { NginxConfig } from "../config.js";
import { readBytes, realDisk } from "../disk.js";
import { programFailure, runProgram } from "../run-program.js";

/** Where an nginx has its things. */
export interface Installation {
  readonly mainFile: string;
  readonly pidFile: string;
  /** undefined: it logs elsewhere. */
  readonly errorLog: string | undefined;
}

/** What an nginx was built with. */
export interface Build {
  readonly prefix: string;
  readonly mainFile: string;
  readonly pidFile: string;
  readonly errorLog: string;
}

/**
 * Finds the main file, the pid file and the error log: as configured, or as the main file says, or as
 * the program was built. `text` is the content of `file`.
 */
export async function findInstallation(
  config: NginxConfig,
  file: string,
  text: string,
  build: Build | undefined,
): Promise<Installation> {
  const mainFile = config.mainFile ?? (isMain(text) ? file : build?.mainFile);
  if (mainFile === undefined) {
    throw new OperatorError(
      `${file} has no events block, so it is not nginx's main file, and ${config.binary} does not tell where that is: set main_file`,
    );
  }
  const main = mainFile === file ? text : await readText(mainFile);
  const prefix = build?.prefix ?? dirname(mainFile);
  const inPrefix = (path: string): string => (isAbsolute(path) ? path : resolve(prefix, path));
  const pidFile = config.pidFile ?? directive(main, "pid") ?? build?.pidFile;
  if (pidFile === undefined) {
    throw new OperatorError(`${mainFile} does not say where the pid file is: set pid_file`);
  }
  const log = directive(main, "error_log") ?? build?.errorLog ?? "stderr";
  const errorLog = /^(stderr$|syslog:|memory:)/.test(log) ? undefined : inPrefix(log);
  return { mainFile, pidFile: inPrefix(pidFile), errorLog };
}

/** Only the main file has the block `events`. */
function isMain(text: string): boolean {
  return /^\s*events\s*\{/m.test(text);
}

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(realDisk, path);
  if (bytes === undefined) throw new OperatorError(`there is no file ${path}`);
  return bytes.toString("utf8");
}

/** The first word after a directive, if it begins a line. */
function directive(text: string, name: string): string | undefined {
  const [, bare, quoted] =
    new RegExp(`^[ \\t]*${name}\\s+(?:([^\\s;"']+)|["']([^"']*)["'])`, "m").exec(text) ?? [];
  return bare ?? quoted;
}

/** `nginx -V`; undefined if it tells nothing. Throws OperatorError if there is no such program. */
export async function readBuild(binary: string, timeout: Millis): Promise<Build | undefined> {
  const argv = [binary, "-V"];
  const result = await runProgram(argv, { timeout });
  const failure = programFailure(argv, { timeout }, result);
  if (result.missing) throw new OperatorError(`${failure}: set binary`);
  const option = (name: string): string | undefined =>
    new RegExp(`--${name}=('[^']*'|\\S+)`).exec(result.output)?.[1]?.replaceAll("'", "");
  const prefix = option("prefix") ?? "/usr/local/nginx";
  if (failure !== undefined || !result.output.includes("nginx")) return undefined;
  return {
    prefix,
    mainFile: resolve(prefix, option("conf-path") ?? "conf/nginx.conf"),
    pidFile: resolve(prefix, option("pid-path") ?? "logs/nginx.pid"),
    errorLog: option("error-log-path") ?? resolve(prefix, "logs/error.log"),
  };
}
