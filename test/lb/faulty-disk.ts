import type { FileHandle } from "node:fs/promises";
import { type Disk, realDisk } from "../../src/lb/disk.js";

/** The process ended: nothing that it would do after that has an effect. */
export class Crash extends Error {}

export interface Faults {
  /** Which step fails, from 1; those before it are done. */
  readonly at: number;
  /** `crash`: that step is half done, and none after it. Otherwise the error of the system, once. */
  readonly kind: "crash" | "ENOSPC";
  /** A name that cannot be given to another file, as that of a mount point. */
  readonly pinned?: string;
}

/** A real disk on which one step fails. */
export class FaultyDisk implements Disk {
  /** How many steps were asked for. */
  steps = 0;
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  readonly lstat = this.#wrap("lstat", realDisk.lstat);
  readonly mkdir = this.#wrap("mkdir", realDisk.mkdir);
  readonly readdir = this.#wrap("readdir", realDisk.readdir);
  readonly readlink = this.#wrap("readlink", realDisk.readlink);
  readonly realpath = this.#wrap("realpath", realDisk.realpath);
  readonly rm = this.#wrap("rm", realDisk.rm);
  readonly stat = this.#wrap("stat", realDisk.stat);

  readonly rename: Disk["rename"] = async (from, to) => {
    this.#step();
    if (to === this.#faults.pinned) throw systemError("EBUSY");
    await realDisk.rename(from, to);
  };

  readonly open: Disk["open"] = async (path, flags, mode) => {
    this.#step();
    return this.#handle(await realDisk.open(path, flags, mode));
  };

  /** Throws if this is the step, or if it is after a crash. */
  #step(halfway?: () => void): void {
    this.steps += 1;
    const { at, kind } = this.#faults;
    if (this.steps === at) halfway?.();
    if (kind === "crash" ? this.steps >= at : this.steps === at) {
      throw kind === "crash" ? new Crash() : systemError(kind);
    }
  }

  // The overloads of node:fs/promises are kept for those who call.
  #wrap<T>(_name: string, real: T): T {
    const call = real as (...args: unknown[]) => unknown;
    return (async (...args: unknown[]) => {
      this.#step();
      return call(...args);
    }) as T;
  }

  #handle(file: FileHandle): FileHandle {
    const step = (halfway?: () => void): void => this.#step(halfway);
    return new Proxy(file, {
      get(target, property) {
        const value = Reflect.get(target, property) as unknown;
        if (typeof value !== "function") return value;
        const call = value.bind(target) as (...args: unknown[]) => unknown;
        if (property === "close") return call;
        return async (...args: unknown[]) => {
          let half: unknown;
          try {
            step(() => {
              half = halfOf(target, property, args);
            });
          } catch (error) {
            await half;
            throw error;
          }
          return call(...args);
        };
      },
    });
  }
}

/** Half of what was to be written is. */
function halfOf(file: FileHandle, property: string | symbol, args: unknown[]): unknown {
  const [bytes, offset, length, position] = args;
  if (!(bytes instanceof Uint8Array)) return undefined;
  if (property === "writeFile") return file.write(bytes, 0, Math.floor(bytes.length / 2));
  if (property === "write") {
    return file.write(bytes, offset as number, Math.floor(Number(length) / 2), position as number);
  }
  return undefined;
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
