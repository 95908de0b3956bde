import type { Log } from "../base/log.js";
import { systemCode, systemReason } from "./system-errors.js";

/** Whether the disk takes what it is given; an operator reads of it when that changes, not at each try. */
export class DiskTrouble {
  readonly #log: Log;
  readonly #path: string;
  readonly #what: string;
  #isOn = false;

  /** `what` should have happened to the snapshot at `path`. */
  constructor(log: Log, path: string, what: "written" | "compacted") {
    this.#log = log;
    this.#path = path;
    this.#what = what;
  }

  /** True since an attempt failed, until one succeeds. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** False if the system refused; any other error is thrown on. */
  attempt(step: () => void): boolean {
    const path = this.#path;
    try {
      step();
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      const reason = systemReason(error);
      if (this.#isOn) this.#log.debug({ path, reason }, `snapshot is still not ${this.#what}`);
      else this.#log.error({ path, reason }, `snapshot could not be ${this.#what}`);
      this.#isOn = true;
      return false;
    }
    if (this.#isOn) this.#log.info({ path }, `snapshot is ${this.#what} again`);
    this.#isOn = false;
    return true;
  }
}
