import { rename, rm, writeFile } from "node:fs/promises";
import { reasonOf } from "../base/errors.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { LbHost } from "./load-balancer.js";
import type { LbStatus } from "./status.js";

/** Changes that come faster are written together. */
const writeGap: Millis = 100;

/** Written anew at least so often, so that readers can tell a keeper that hangs. */
const renewal: Millis = seconds(10);

/** The status as a file for everybody on the machine who may read it: written on each change. */
export class StatusFile {
  readonly #path: string | undefined;
  readonly #host: LbHost;
  readonly #status: () => LbStatus;
  #writtenAt: Instant = Number.NEGATIVE_INFINITY;
  #takeOff: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #keeps = true;
  #isComplaining = false;

  /** Without a path nothing is written. */
  constructor(path: string | undefined, host: LbHost, status: () => LbStatus) {
    this.#path = path;
    this.#host = host;
    this.#status = status;
  }

  /** Who renews the file; null after the end. */
  keeper(): LbStatus["keeper"] {
    if (this.#path === undefined || !this.#keeps) return null;
    const renewedBy = new Date(Date.parse(this.#host.wallClock()) + 3 * renewal);
    return { pid: process.pid, renewedBy: renewedBy.toISOString() };
  }

  /** The status is another one now. */
  touch(): void {
    if (this.#path === undefined || !this.#keeps) return;
    const sinceLast = this.#host.now() - this.#writtenAt;
    this.#writeIn(Math.max(0, writeGap - sinceLast));
  }

  /** Writes now. Never throws: that it failed is said once, until it works again. */
  async write(): Promise<void> {
    if (this.#path === undefined) return;
    this.#due = undefined;
    this.#writtenAt = this.#host.now();
    this.#writing = this.#writing.then(() => this.#replace());
    await this.#writing;
  }

  /** Nobody renews the file from now on, and it says so. */
  async stop(): Promise<void> {
    this.#keeps = false;
    this.#takeOff?.();
    await this.write();
  }

  #due: Instant | undefined;

  #writeIn(delay: Millis): void {
    const at = this.#host.now() + delay;
    if (this.#due !== undefined && this.#due <= at) return;
    this.#takeOff?.();
    this.#due = at;
    this.#takeOff = this.#host.after(delay, () => {
      void this.write().then(() => {
        if (this.#keeps) this.#writeIn(renewal);
      });
    });
  }

  async #replace(): Promise<void> {
    const path = this.#path;
    if (path === undefined) return;
    const temporary = `${path}.tmp`;
    try {
      await writeFile(temporary, `${JSON.stringify(this.#status())}\n`, { mode: 0o600 });
      await rename(temporary, path);
      this.#isComplaining = false;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      const fields = { file: path, error: reasonOf(error) };
      if (!this.#isComplaining) this.#host.log.warn(fields, "status not written");
      this.#isComplaining = true;
    }
  }
}
