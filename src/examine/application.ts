import { basename } from "node:path";
import type { ApplicationCheck, ApplicationState } from "../observe/application.js";
import { type Finding, Findings, pathWord } from "./finding.js";
import { listenersOf } from "./listening.js";
import { beginningOf } from "./programs.js";
import { configsOf, examineCommand } from "./service.js";
import { firstCommand } from "./shell-words.js";

export interface ApplicationQuestion {
  readonly state: ApplicationState;
  /** The PATH that it is started with. */
  readonly path: string;
  /** Where balancers look for it: the tag `port` of its member; undefined: it has none. */
  readonly portTag: number | undefined;
}

/**
 * Why an application that an agent runs gets no requests: what it lacks to start, how it ended, and where
 * it listens other than its checks and balancers believe.
 */
export async function examineApplication(
  question: ApplicationQuestion,
): Promise<readonly Finding[]> {
  const { path, state } = question;
  const words = wordsOf(state.command);
  const lacks = new Findings("service", `application ${programOf(words)}`);
  await examineCommand(words, { path, folder: state.folder }, lacks);
  const own = new Findings("application", `application ${programOf(words)}`);
  if (state.phase === "running") {
    await examinePorts(question, words, own);
    examineChecks(state, own);
    // What it does without is nothing that keeps requests from it.
    if (!own.hasFaults) {
      if (own.all.length === 0)
        own.ok(state.checks.length === 0 ? "runs" : "runs, and its checks pass");
      return [...lacks.all.map(asWarning), ...own.all];
    }
  } else tellEnd(state, lacks.hasFaults, own);
  return [...lacks.all, ...own.all];
}

/** The port that a member's tag `port` names; undefined if that is none. */
export function readPortTag(text: string | undefined): number | undefined {
  const port = /^\d{1,5}$/.test(text ?? "") ? Number(text) : 0;
  return port > 0 && port < 65_536 ? port : undefined;
}

/** Without the shell that is to run them. */
function wordsOf(command: readonly string[]): readonly string[] {
  const [program = "", flag = "", script] = command;
  const isShell = /^(sh|bash|dash|ash)$/.test(basename(program)) && /^-\w*c$/.test(flag);
  return isShell && script !== undefined ? firstCommand(script).words : command;
}

function programOf([program = "?"]: readonly string[]): string {
  return basename(program);
}

function asWarning(finding: Finding): Finding {
  return finding.result === "fail" ? { ...finding, result: "warn" } : finding;
}

function tellEnd(state: ApplicationState, isExplained: boolean, findings: Findings): void {
  const { lastEnd, nextStart, phase, restarts } = state;
  const ended = lastEnd === null ? "does not run" : `does not run: ${lastEnd}`;
  const often = restarts === 0 ? "" : `, started again ${restarts} times so far`;
  const next =
    phase === "ended"
      ? "; it is not started again"
      : nextStart === null
        ? "; it is started again"
        : `; it is started again in ${Math.ceil(nextStart / 1_000)} s`;
  const found = `${ended}${often}${next}`;
  if (isExplained) {
    findings.warn(found, { cause: "what it lacks is said above" });
    return;
  }
  findings.fail(found, {
    cause: causeOfEnd(lastEnd ?? ""),
    remedy: ["what it said itself is in the log of its container: docker logs, kubectl logs"],
  });
}

function causeOfEnd(lastEnd: string): string | undefined {
  if (/SIGKILL|status 137/.test(lastEnd)) {
    return "it was killed, mostly because it took more memory than it may";
  }
  return /SIGSEGV|SIGABRT|SIGBUS|status 13[49]/.test(lastEnd) ? "it crashed" : undefined;
}

async function examinePorts(
  { portTag, state }: ApplicationQuestion,
  words: readonly string[],
  findings: Findings,
): Promise<void> {
  const open = state.pid === null ? undefined : await listenersOf(state.pid);
  if (open === undefined) return;
  const wanted = new Map<number, string[]>();
  const want = (port: number, by: string): void => {
    wanted.set(port, [...(wanted.get(port) ?? []), by]);
  };
  for (const check of state.checks) {
    const port = portOf(check);
    if (port !== undefined && !state.isReady) want(port, `its check ${written(check)}`);
  }
  if (portTag !== undefined) want(portTag, `the tag port=${portTag} of its member`);
  for (const [port, by] of wanted) {
    const own = open.filter((one) => one.port === port);
    const asks = `${by.join(" and ")} ${by.length === 1 ? "wants" : "want"} ${port}`;
    if (own.length === 0) {
      const others = [...new Set(open.map((one) => one.port))].sort((one, other) => one - other);
      explainPort({ port, asks, others, state, words }, findings);
    } else if (own.every(({ ip }) => ip === "127.0.0.1" || ip === "::1")) {
      findings.fail(`listens on port ${port} of 127.0.0.1 alone: no balancer reaches it`, {
        remedy: ["have it listen on 0.0.0.0, or on the address that its member has"],
      });
    }
  }
}

interface PortQuestion {
  readonly port: number;
  /** Who believes that it listens there. */
  readonly asks: string;
  /** Where it does listen. */
  readonly others: readonly number[];
  readonly state: ApplicationState;
  readonly words: readonly string[];
}

/** It runs, but not where it is looked for. */
function explainPort(question: PortQuestion, findings: Findings): void {
  const { asks, others, port, state, words } = question;
  const [other] = others;
  if (other === undefined) {
    findings.fail(`runs, but listens on no port; ${asks}`, {
      cause: "it is still starting, hangs, or failed to take its port and went on",
      remedy: ["what it said itself is in the log of its container: docker logs, kubectl logs"],
    });
    return;
  }
  const places = placesOf(other, port, words, state.folder);
  const again =
    state.restart === "always" && state.pid !== null
      ? `kill ${state.pid}   # it is started again at once`
      : "then start its container again";
  findings.fail(`listens on port ${others.join(", ")}, but ${asks}`, {
    cause: places.map(({ says }) => says).join("; ") || undefined,
    remedy: [
      ...places.flatMap(({ change }) => change),
      again,
      `or, if ${other} is right: gossipd tags -set port=${other}, and a check of that port`,
    ],
  });
}

interface Place {
  readonly says: string;
  readonly change: readonly string[];
}

/** Where a port number comes from: the command line, or a line of a configuration that it names. */
function placesOf(
  wrong: number,
  right: number,
  words: readonly string[],
  folder: string,
): readonly Place[] {
  const number = new RegExp(`(?<![\\d.])${wrong}(?![\\d.])`);
  const places: Place[] = [];
  const word = words.findIndex((one, index) => index > 0 && number.test(one));
  if (word > 0) {
    places.push({
      says: `its command line says ${words.slice(word - 1, word + 1).join(" ")}`,
      change: [`write ${right} there, in place of ${wrong}`],
    });
  }
  for (const config of configsOf(words.slice(1), folder)) {
    const lines = beginningOf(config, 64 * 1024)
      .toString("utf8")
      .split("\n");
    const at = lines.findIndex((line) => /port|listen|bind|addr/i.test(line) && number.test(line));
    if (at < 0) continue;
    places.push({
      says: `line ${at + 1} of ${config} says ${(lines[at] ?? "").trim().slice(0, 60)}`,
      change: [`sed -i '${at + 1}s/${wrong}/${right}/' ${pathWord(config)}`],
    });
  }
  return places;
}

/** What no port explains. */
function examineChecks({ checks, complaint, isReady }: ApplicationState, findings: Findings): void {
  if (findings.hasFaults || isReady) return;
  const asked = checks.map(written).join(", ");
  if (complaint === null) {
    findings.skip(`runs, and ${asked || "it"} has not been tried yet`);
    return;
  }
  findings.fail(`runs, but is not ready: ${complaint}`, {
    cause: `it gets no requests before its checks pass: ${asked}`,
    remedy: ["see why in the application, or correct the check"],
  });
}

/** Of a command nothing is told: others hear of it, and it may hold a password. */
function written({ kind, target }: ApplicationCheck): string {
  return kind === "exec" ? "-check-exec" : `-check-${kind} ${target}`;
}

/** A port of this machine. */
function portOf({ kind, target }: ApplicationCheck): number | undefined {
  const own = /^(?:http:\/\/)?(?:127\.0\.0\.1|localhost|\[::1\]|::1):(\d+)(?:\/|$)/.exec(target);
  return kind === "exec" || own === null ? undefined : Number(own[1]);
}
