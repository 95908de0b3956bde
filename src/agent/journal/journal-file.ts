import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";
import { OperatorError } from "../../base/errors.js";
import type { Log } from "../../base/log.js";
import { type Instant, type Millis, seconds } from "../../base/units.js";
import { replaceFile } from "../replace-file.js";
import { systemCode, systemReason } from "../system-errors.js";
import { formatLine, type JournalLine, parseLine } from "./journal-lines.js";

/** What is appended before the file is written anew and shorter; at most twice what it then had, if that is more. */
const leastGrowth = 1_048_576;

/** After a write that failed the next one is tried so much later. */
const retryInterval: Millis = seconds(5);

export interface JournalFileParts {
  readonly path: string;
  readonly log: Log;
  readonly now: () => Instant;
  /** All that the file should hold, when it is written anew. */
  readonly lines: () => Iterable<JournalLine>;
}

/**
 * The journal's file: JSON lines, readable by the owner alone. Each line is in the file before the agent
 * goes on, so that the next one reads it wherever this one ends; only a machine that loses its power may
 * lose the last ones.
 */
export class JournalFile {
  readonly #parts: JournalFileParts;
  #file: number | undefined;
  /** Bytes since the file was written anew, and then. */
  #appended = 0;
  #base = 0;
  /** When a write failed, after which the file lacks lines; undefined if it has all. */
  #failedAt: Instant | undefined;

  /** Nothing is written before {@link open}. */
  constructor(parts: JournalFileParts) {
    this.#parts = parts;
  }

  /** Throws {@link OperatorError} if that cannot be done. */
  open(): void {
    try {
      this.#rewrite();
    } catch (error) {
      throw unusable(this.#parts.path, error);
    }
  }

  /** A disk that takes nothing does not disturb the agent: what it missed is written later. */
  append(line: JournalLine): void {
    const { now } = this.#parts;
    if (this.#failedAt !== undefined) {
      if (now() < this.#failedAt + retryInterval) return;
      this.#attempt(() => this.#rewrite());
      return;
    }
    this.#attempt(() => {
      const text = formatLine(line);
      this.#appended += text.length;
      if (this.#appended > Math.max(leastGrowth, this.#base)) this.#rewrite();
      else if (this.#file !== undefined) appendFileSync(this.#file, text);
    });
  }

  close(): void {
    if (this.#failedAt !== undefined) this.#attempt(() => this.#rewrite());
    this.#closeFile();
  }

  #rewrite(): void {
    const { lines, path } = this.#parts;
    const text = Array.from(lines(), formatLine).join("");
    replaceFile(path, text, "owner");
    this.#closeFile();
    this.#file = openSync(path, "a", 0o600);
    this.#base = text.length;
    this.#appended = 0;
  }

  #closeFile(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #attempt(step: () => void): void {
    const { log, now, path } = this.#parts;
    try {
      step();
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      const reason = systemReason(error);
      if (this.#failedAt === undefined)
        log.error({ path, reason }, "handler journal is not written");
      this.#failedAt = now();
      return;
    }
    if (this.#failedAt !== undefined) log.info({ path }, "handler journal is written again");
    this.#failedAt = undefined;
  }
}

/**
 * The lines of a journal; none if there is no file. What cannot be read, as the last line of an agent that
 * was killed while it wrote, is left out. Throws {@link OperatorError} if the file is something else.
 */
export function readJournal(path: string): readonly JournalLine[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw unusable(path, error);
  }
  const lines = text.split("\n").flatMap((line) => (line === "" ? [] : (parseLine(line) ?? [])));
  if (text !== "" && lines[0]?.kind !== "head") {
    throw new OperatorError(
      `-handler-journal ${path}: this file is no journal of ours, and it is left alone; name another one, or remove it`,
    );
  }
  return lines;
}

function unusable(path: string, error: unknown): unknown {
  if (systemCode(error) === undefined) return error;
  return new OperatorError(`-handler-journal ${path}: ${systemReason(error)}`, { cause: error });
}
