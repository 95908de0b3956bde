import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { parseHandler } from "../../src/agent/any-handler.js";
import { EventHub, type EventHubOptions } from "../../src/agent/event-hub.js";
import { findProgram } from "../support/programs.js";
import { until } from "../support/wait.js";
import { keptLog, member } from "./handler-events.js";

/** A hub with real scripts, in a folder of its own that they know as `$DIR`. */
export function hubWith(handlers: readonly string[], options: Partial<EventHubOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "gossipd-handlers-"));
  const log = keptLog();
  const responses: string[] = [];
  const hub = new EventHub({
    log,
    now: () => performance.now(),
    self: () => member("me", { tags: { role: "lb" } }),
    respond: (id, payload) => responses.push(`${id}: ${Buffer.from(payload)}`),
    handlerTimeout: 60_000,
    members: () => [],
    environment: () => ({ PATH: process.env.PATH, DIR: dir }),
    ...options,
    limits: { stopGrace: 0, killGrace: 100, ...options.limits },
  });
  hub.setHandlers(handlers.flatMap(parseHandler));
  onTestFinished(async () => {
    await hub.stop();
    rmSync(dir, { recursive: true });
  });
  return {
    hub,
    log,
    dir,
    responses,
    /** What a script wrote to a file of the folder; empty if there is none. */
    written: (name: string): string => {
      const path = join(dir, name);
      return existsSync(path) ? readFileSync(path, "latin1") : "";
    },
    /** Waits until so many runs have ended. */
    runs: (count: number): Promise<unknown> =>
      until(`${count} runs`, () => hub.counters.runs >= count, {
        every: 5,
        last: () => ({ counters: hub.counters, log: log.lines.slice(-5) }),
      }),
    lines: (level: string): string[] =>
      log.lines
        .filter((line) => line.startsWith(`${level} `))
        .map((line) => line.slice(level.length + 1)),
    /** A pipe at which a script waits with `read _ <NAME`; returns what lets one reader pass. */
    gate: (name: string): (() => Promise<void>) => {
      const path = join(dir, name);
      if (spawnSync(mkfifo, [path]).status !== 0) throw new Error(`mkfifo ${path}`);
      return () => writeFile(path, "\n");
    },
  };
}

const mkfifo = findProgram("mkfifo") ?? "mkfifo";

/** True if the process is gone, or dead and waiting for somebody to take note. */
export function isGone(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  try {
    process.kill(pid, 0);
    return existsSync(stat) && /\) Z /.test(readFileSync(stat, "latin1"));
  } catch {
    return true;
  }
}
