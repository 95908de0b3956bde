// The build for browsers hands records over as they are. The one for Node.js makes JSON of them, and
// loads worker threads to do so: a tenth of our start-up time and 2 MB that nothing here needs.
import { pino } from "pino/browser.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { findLevel, type Level, parseLevel, severityOf } from "./log-levels.js";
import { formatLine, formatText, type LogRecord } from "./log-line.js";

/** How many records of any level are kept for `monitor`. */
const keptRecords = 512;

/** How many lines wait at most until the start-up is complete; the oldest go first. */
const maxGated = 4_096;

/** Takes one line, without a newline. */
type LineSink = (line: string) => void;

/** Takes what stdout gets as well, without time, level and newline. */
type TextSink = (level: Level, text: string) => void;

interface Follower {
  readonly severity: number;
  readonly sink: LineSink;
}

/**
 * The agent's log: to stdout from the configured level on, to whoever monitors from theirs on.
 *
 * Lines for stdout wait until {@link open} is called, so that the start-up banner stands alone.
 */
export class Logs {
  readonly #write: (text: string) => void;
  #severity: number;
  /** At most {@link maxGated}; undefined once the gate is open. */
  #gated: string[] | undefined = [];
  /** A ring of the last {@link keptRecords}. */
  readonly #kept: LogRecord[] = [];
  #next = 0;
  readonly #followers = new Set<Follower>();
  #copy: TextSink | undefined;

  /** `write` takes text for stdout, newlines included. Throws OperatorError on an unknown level. */
  constructor(level: string, write: (text: string) => void) {
    this.#write = write;
    this.#severity = severityOf(parseLevel(level));
  }

  /** The log of one part of the program. */
  of(component: string): Log {
    const at = (level: Level) => (given: object) => {
      const { msg: message = "", ...fields } = given as { msg?: string };
      this.#take({ time: Date.now(), level, component, fields, message });
    };
    const write = {
      trace: at("trace"),
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
    };
    // All levels pass: which of them are shown is decided here, and can differ for each monitor.
    const formatters = { level: () => ({}) };
    return pino({ level: "trace", timestamp: false, browser: { write, formatters } });
  }

  /** Throws OperatorError on an unknown level, and keeps the old one. */
  setLevel(level: string): void {
    this.#severity = severityOf(parseLevel(level));
  }

  /** Shows the lines that waited, and all others from now on. */
  open(): void {
    const waiting = this.#gated ?? [];
    this.#gated = undefined;
    for (const line of waiting) this.#show(line);
  }

  /** Gives `sink` all that is meant for stdout from now on, without waiting for {@link open}. */
  copyTo(sink: TextSink): void {
    this.#copy = sink;
  }

  /** Hands the kept lines of at least `level` to `sink`, then all that follow. */
  monitor(level: string, sink: LineSink): () => void {
    const least = findLevel(level);
    if (least === undefined) throw new OperatorError(`Unknown log level: ${level.toUpperCase()}`);
    const follower = { severity: severityOf(least), sink };
    const kept = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
    for (const record of kept) {
      if (severityOf(record.level) >= follower.severity) sink(formatLine(record));
    }
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #take(record: LogRecord): void {
    this.#keep(record);
    const severity = severityOf(record.level);
    let line: string | undefined;
    if (severity >= this.#severity) {
      this.#copy?.(record.level, formatText(record));
      line = formatLine(record);
      if (this.#gated === undefined) this.#show(line);
      else if (this.#gated.push(line) > maxGated) this.#gated.shift();
    }
    for (const follower of this.#followers) {
      if (severity < follower.severity) continue;
      line ??= formatLine(record);
      follower.sink(line);
    }
  }

  #keep(record: LogRecord): void {
    this.#kept[this.#next] = record;
    this.#next = (this.#next + 1) % keptRecords;
  }

  #show(line: string): void {
    this.#write(`    ${line}\n`);
  }
}
