import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";
import { codeOf, diskError } from "../disk.js";
import { oneLine } from "../values.js";
import { type NginxProcesses, nginxProcesses, type Worker } from "./processes.js";

/** How often the processes are looked at. */
const lookEvery: Millis = 20;

/** How much of the log is read after a reload, bytes. */
const logBytes = 64 * 1024;

/**
 * Tells the master to load the file, and waits until new workers serve and the old ones only finish.
 * Gives the new ones. That is the only sign: a file that it cannot load, or an address that somebody
 * else has, is only a line in its log, and the old workers go on (loadbalancer.md 1.8). Throws
 * OperatorError with that line.
 */
export async function reloadNginx(
  before: NginxProcesses,
  errorLog: string | undefined,
  limit: Millis,
): Promise<NginxProcesses> {
  const { pid, id } = before.master;
  const log = await LogTail.open(errorLog);
  try {
    process.kill(pid, "SIGHUP");
  } catch (error) {
    throw diskError(`cannot tell nginx (process ${pid}) to reload`, error);
  }
  const old = new Set(before.workers.map((worker) => worker.id));
  const end = performance.now() + limit;
  for (;;) {
    await sleep(lookEvery);
    const now = await nginxProcesses(pid);
    if (now === undefined || now.master.id !== id) {
      throw new OperatorError(`nginx ended when it was told to reload${await log.said()}`);
    }
    if (replaced(old, now.workers)) return now;
    if (await log.refused()) {
      throw new OperatorError(
        `nginx did not load the file and goes on as before${await log.said()}`,
      );
    }
    if (performance.now() > end) {
      throw new OperatorError(
        `nginx started no new workers within ${limit} ms and goes on as before${await log.said()}`,
      );
    }
  }
}

function replaced(old: ReadonlySet<string>, workers: readonly Worker[]): boolean {
  const serving = workers.filter(({ finishes }) => !finishes);
  return serving.length > 0 && serving.every(({ id }) => !old.has(id));
}

/** What is written to nginx's log from now on, if it can be read. */
class LogTail {
  readonly #path: string | undefined;
  readonly #start: number;

  private constructor(path: string | undefined, start: number) {
    this.#path = path;
    this.#start = start;
  }

  static async open(path: string | undefined): Promise<LogTail> {
    if (path === undefined) return new LogTail(undefined, 0);
    try {
      const file = await open(path, "r");
      const { size } = await file.stat();
      await file.close();
      return new LogTail(path, size);
    } catch (error) {
      // It may come into being with the reload; what may not be read is not.
      return new LogTail(codeOf(error) === "ENOENT" ? path : undefined, 0);
    }
  }

  /** Whether it gave up. A bind is tried again for some seconds. */
  async refused(): Promise<boolean> {
    const lines = await this.#emergencies();
    return lines.some((line) => !/ bind\(\) to .* failed /.test(line));
  }

  /** Its first and its last complaint, for the end of a sentence. */
  async said(): Promise<string> {
    const lines = (await this.#emergencies()).map((line) =>
      line.replace(/^.*?\[emerg\] (\d+#\d+: )?/, ""),
    );
    if (lines.length === 0) return "; its error log says why, or nothing does";
    const words = [...new Set([lines[0], lines.at(-1)])].join(" | ");
    return `: ${oneLine(words, 400)}`;
  }

  async #emergencies(): Promise<readonly string[]> {
    if (this.#path === undefined) return [];
    try {
      const file = await open(this.#path, "r");
      try {
        const { size } = await file.stat();
        // It was rotated, or cut.
        const start = size < this.#start ? 0 : this.#start;
        const { buffer, bytesRead } = await file.read({
          buffer: Buffer.alloc(Math.min(logBytes, size - start)),
          position: start,
        });
        const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
        return lines.filter((line) => line.includes("[emerg]"));
      } finally {
        await file.close();
      }
    } catch {
      return [];
    }
  }
}
