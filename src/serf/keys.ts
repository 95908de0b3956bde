import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes, Instant } from "../base/units.js";
import { DecodeError } from "../wire/errors.js";
import { decodeSerfMessage, encodeSerfMessage, type KeyResponse } from "../wire/serf-messages.js";
import type { KeyChange } from "./key-answers.js";
import { plainQuestion, type Queries, type RunningQuery } from "./queries.js";

/** What can be done with the keys of the whole group at once. */
export type KeyOperation = KeyChange | "list";

/** What became of a key operation. */
export interface KeyReport {
  /** What members said, by name; those that just did it say nothing. */
  readonly messages: ReadonlyMap<string, string>;
  /** Of a list: each key in base64 and how many members have it. */
  readonly keys: ReadonlyMap<string, number>;
  /** Members that were asked. */
  readonly numNodes: number;
  readonly numResponses: number;
  readonly numErrors: number;
  /** Why not all is well, in Serf's words; undefined if every member did it. */
  readonly error: string | undefined;
}

/** What {@link Keys} works with. */
export interface KeysParts {
  readonly queries: Queries;
  readonly log: Log;
  /** Members that are neither dead nor left, ourselves included. */
  aliveCount(): number;
}

interface Job {
  readonly operation: KeyOperation;
  readonly key: Bytes;
  readonly done: (report: KeyReport) => void;
}

/** Operations that wait for their turn; whoever wants more is refused. */
const maxWaiting = 64;

/** Different keys of which the owners are counted, far more than a group has. */
const maxKeys = 1_024;

/**
 * Asks the group to change or list its keys, one operation after the other as Serf does (protocol.md
 * section 5.12).
 */
export class Keys {
  readonly #parts: KeysParts;
  /** At most {@link maxWaiting}. */
  readonly #waiting: Job[] = [];
  #busy = false;

  constructor(parts: KeysParts) {
    this.#parts = parts;
  }

  /** `key` is not looked at for a list. Throws {@link OperatorError} if too many wait already. */
  ask(
    now: Instant,
    operation: KeyOperation,
    key: Bytes | undefined,
    done: (report: KeyReport) => void,
  ): void {
    if (this.#waiting.length >= maxWaiting) {
      throw new OperatorError(`more than ${maxWaiting} key operations are waiting`);
    }
    this.#waiting.push({ operation, key: key ?? new Uint8Array(0), done });
    this.#next(now);
  }

  #next(now: Instant): void {
    if (this.#busy) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#busy = true;
    this.#begin(now, job, (then, report) => {
      this.#busy = false;
      job.done(report);
      this.#next(then);
    });
  }

  #begin(
    now: Instant,
    { operation, key }: Job,
    settle: (now: Instant, report: KeyReport) => void,
  ): void {
    const { aliveCount, log, queries } = this.#parts;
    const tally = new Tally(aliveCount(), log);
    const name = `_serf_${operation}-key${operation === "list" ? "s" : ""}`;
    const question = plainQuestion(name, encodeSerfMessage({ kind: "key-request", key }));
    try {
      const query: RunningQuery = queries.start(now, question, {
        handleAck: () => {},
        handleResponse: (then, from, payload) => {
          tally.add(from, payload);
          if (tally.isComplete) query.end(then);
        },
        handleDone: (then) => settle(then, tally.report()),
      });
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      settle(now, { ...new Tally(0, log).report(), error: thrown.message });
    }
  }
}

/** Counts the answers to one operation. */
class Tally {
  readonly #log: Log;
  readonly #numNodes: number;
  /** One for each response at most, which are bounded. */
  readonly #messages = new Map<string, string>();
  /** At most {@link maxKeys}. */
  readonly #keys = new Map<string, number>();
  #numResponses = 0;
  #numErrors = 0;

  constructor(numNodes: number, log: Log) {
    this.#numNodes = numNodes;
    this.#log = log;
  }

  /** True once there is nothing left to wait for. */
  get isComplete(): boolean {
    return this.#numResponses === this.#numNodes;
  }

  add(from: string, payload: Bytes): void {
    this.#numResponses += 1;
    const response = this.#decode(payload);
    if (typeof response === "string" || !response.result) {
      this.#numErrors += 1;
      this.#messages.set(from, typeof response === "string" ? response : response.message);
    } else if (response.message !== "") {
      this.#messages.set(from, response.message);
      this.#log.warn({ from, remark: response.message }, "keys listed with a remark");
    }
    if (typeof response !== "string") this.#count(response.keys ?? []);
  }

  report(): KeyReport {
    const numNodes = this.#numNodes;
    const numResponses = this.#numResponses;
    const numErrors = this.#numErrors;
    let error: string | undefined;
    if (numErrors > 0) error = `${numErrors}/${numNodes} nodes reported failure`;
    else if (!this.isComplete) error = `${numResponses}/${numNodes} nodes reported success`;
    const [messages, keys] = [this.#messages, this.#keys];
    return { messages, keys, numNodes, numResponses, numErrors, error };
  }

  /** Serf also shows the bytes of what it cannot read; there may be keys among them. */
  #decode(payload: Bytes): KeyResponse | string {
    try {
      const message = decodeSerfMessage(payload);
      if (message.kind === "key-response") return message;
      return "Invalid key query response type";
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
      return "Failed to decode key query response";
    }
  }

  #count(keys: readonly string[]): void {
    for (const key of new Set(keys)) {
      const known = this.#keys.get(key);
      if (known === undefined && this.#keys.size >= maxKeys) continue;
      this.#keys.set(key, (known ?? 0) + 1);
    }
  }
}
