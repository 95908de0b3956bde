import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { DirLock } from "./dir-lock.js";
import { diskError, readBytes, realDisk, replaceOwn } from "./disk.js";
import type { Notes } from "./proxy.js";

/** What is kept in another form is as good as lost: it is made anew. */
const format = 1;

/**
 * The folder in which the load balancer keeps what must outlast the process; of one process at a time.
 * All that is in it can be lost: it is made anew from the members and from what the proxies serve.
 */
export class StateDir {
  readonly path: string;
  /** undefined: only to read. */
  readonly #lock: DirLock | undefined;
  readonly #log: Log;
  /** At most one per balancer. */
  readonly #notes: KeptNotes[] = [];

  private constructor(path: string, lock: DirLock | undefined, log: Log) {
    this.path = path;
    this.#lock = lock;
    this.#log = log;
  }

  /** Makes the folder for its owner alone and takes it. Throws StateInUseError or another OperatorError. */
  static async open(path: string, log: Log): Promise<StateDir> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      return new StateDir(path, await DirLock.take(path), log);
    } catch (error) {
      throw diskError(`cannot use the folder ${path} (state_dir)`, error);
    }
  }

  /** Reads what is there beside whoever has the folder, and keeps nothing. */
  static look(path: string, log: Log): StateDir {
    return new StateDir(path, undefined, log);
  }

  /** The folder of one balancer's file, see ConfigStore. */
  folderOf(balancer: string): string {
    // Names of balancers are the operator's, not the network's.
    return join(this.path, `file-${encodeURIComponent(balancer)}`);
  }

  /** Replaces a file. Throws OperatorError; the old one is still there then. */
  async write(name: string, text: string): Promise<void> {
    const path = join(this.path, name);
    try {
      await replaceOwn(realDisk, path, Buffer.from(text));
    } catch (error) {
      throw diskError(`cannot write ${path}`, error);
    }
  }

  /** What was remembered under this name; undefined if it was never, or is not readable. */
  async recall(name: string): Promise<unknown> {
    const path = join(this.path, `${name}.json`);
    try {
      const bytes = await readBytes(realDisk, path);
      if (bytes === undefined) return undefined;
      const kept = JSON.parse(bytes.toString("utf8")) as {
        format?: unknown;
        value?: unknown;
      } | null;
      if (kept?.format === format) return kept.value;
      this.#log.warn({ path }, "kept in another form, made anew");
    } catch (error) {
      this.#log.warn({ path, error: reasonOf(error) }, "cannot be read, made anew");
    }
    return undefined;
  }

  /** Keeps a JSON value for the next run. Throws OperatorError. */
  async remember(name: string, value: unknown): Promise<void> {
    await this.write(`${name}.json`, `${JSON.stringify({ format, value })}\n`);
  }

  /** The notes of one balancer's proxy, kept under this name. */
  async notes(name: string): Promise<Notes> {
    const kept = await this.recall(name);
    const entries = typeof kept === "object" && kept !== null ? Object.entries(kept) : [];
    const notes = new KeptNotes(new Map(entries), async (value) => {
      if (this.#lock === undefined) return;
      try {
        await this.remember(name, value);
      } catch (error) {
        this.#log.warn({ error: reasonOf(error) }, "notes are not kept");
      }
    });
    this.#notes.push(notes);
    return notes;
  }

  /** Waits until all is written, and gives the folder free. */
  async close(): Promise<void> {
    for (const notes of this.#notes) await notes.written();
    await this.#lock?.release();
  }
}

/** Notes in memory, written behind: at most one write at a time, and one more if there is news. */
class KeptNotes implements Notes {
  /** As many as the proxy has keys for: a handful. */
  readonly #values: Map<string, unknown>;
  readonly #keep: (value: unknown) => Promise<void>;
  #writing: Promise<void> | undefined;
  #news = false;

  constructor(values: Map<string, unknown>, keep: (value: unknown) => Promise<void>) {
    this.#values = values;
    this.#keep = keep;
  }

  read(key: string): unknown {
    return this.#values.get(key);
  }

  write(key: string, value: unknown): void {
    if (JSON.stringify(this.#values.get(key)) === JSON.stringify(value)) return;
    this.#values.set(key, value);
    this.#news = true;
    this.#writing ??= this.#writeNews();
  }

  async written(): Promise<void> {
    await this.#writing;
  }

  async #writeNews(): Promise<void> {
    while (this.#news) {
      this.#news = false;
      await this.#keep(Object.fromEntries(this.#values));
    }
    this.#writing = undefined;
  }
}
