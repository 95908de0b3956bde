import { isObject } from "../json-object.js";
import type { Notes } from "../proxy.js";

/** What a process of HAProxy is known to have loaded. */
export interface LoadedFile {
  /** As in an observation. */
  readonly process: string;
  /** A hash of the text without what the runtime socket changes as well. */
  readonly shape: string;
  /** The forms of its `bind` lines. */
  readonly binds: readonly string[];
}

const key = "haproxy loaded";

/**
 * Remembers what the process that serves has loaded, since HAProxy cannot be asked for that: so it is
 * seen whether the file has to be loaded anew, also after a start of ours, and whoever loaded it last.
 */
export class Loaded {
  readonly #notes: Notes;

  constructor(notes: Notes) {
    this.#notes = notes;
  }

  /** What this process has loaded; undefined if that is not known. */
  by(process: string): LoadedFile | undefined {
    const note = decode(this.#notes.read(key));
    return note?.process === process ? note : undefined;
  }

  remember(file: LoadedFile): void {
    this.#notes.write(key, file);
  }
}

function decode(value: unknown): LoadedFile | undefined {
  if (!isObject(value)) return undefined;
  const { process, shape, binds } = value;
  if (typeof process !== "string" || typeof shape !== "string" || !Array.isArray(binds)) {
    return undefined;
  }
  return { process, shape, binds: binds.map(String) };
}
