import { rm } from "node:fs/promises";
import { diskError, readBytes, realDisk, replaceOwn } from "../disk.js";
import { filterStates, type StateTarget } from "./state-filter.js";

/**
 * The file from which HAProxy takes the state of servers when it starts: health above all, so that a
 * server that is known to be down gets no request after a reload (loadbalancer.md 1.6).
 *
 * It is there only while a reload is under way. Left behind, it would tell a start of next week what
 * was so today, and it would be believed: addresses and all.
 */
export class StateFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Writes what of `dump` is right for the new file, or removes the file if nothing is. Throws OperatorError. */
  async write(dump: string, targets: readonly StateTarget[]): Promise<void> {
    const states = filterStates(dump, targets);
    if (states === undefined) return this.discard();
    try {
      await replaceOwn(realDisk, this.path, Buffer.from(states));
    } catch (error) {
      await this.discard();
      throw diskError(`cannot write the state of servers to ${this.path}`, error);
    }
  }

  /** Throws OperatorError if what is there must not be believed and cannot be removed. */
  async discard(): Promise<void> {
    try {
      await rm(this.path, { force: true });
    } catch (error) {
      const bytes = await readBytes(realDisk, this.path).catch(() => undefined);
      if (bytes?.length === 0) return;
      throw diskError(
        `cannot remove ${this.path}, whose states HAProxy would believe at its next start`,
        error,
        ": let this user write in its folder",
      );
    }
  }
}
