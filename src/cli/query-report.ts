import type { QueryAnswer } from "../rpc/api.js";
import type { Terminal } from "./command.js";
import { escapeControls, toJson, toObject } from "./output.js";

/** How the answers to a query are shown. */
export interface QueryReport {
  /** The agent has taken the query. Called again, it does nothing. */
  begin(): void;
  take(answer: QueryAnswer): void;
  /** No more answers come. */
  conclude(): void;
}

const newline = "\n".charCodeAt(0);

/** One line for each answer, as it comes in, and the counts at the end. */
export class TextReport implements QueryReport {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #countAcks: boolean;
  #begun = false;
  #acks = 0;
  #responses = 0;

  constructor(terminal: Terminal, name: string, countAcks: boolean) {
    this.#terminal = terminal;
    this.#name = name;
    this.#countAcks = countAcks;
  }

  begin(): void {
    if (!this.#begun) this.#terminal.out(`Query '${this.#name}' dispatched\n`);
    this.#begun = true;
  }

  /** A payload is shown as it is, but for one line end after it. */
  take(answer: QueryAnswer): void {
    // The first answers can be here before the agent's own is known to be.
    this.begin();
    const from = escapeControls(answer.from);
    if (answer.kind === "ack") {
      this.#acks += 1;
      this.#terminal.out(`Ack from '${from}'\n`);
      return;
    }
    this.#responses += 1;
    const { payload } = answer;
    const text = payload.at(-1) === newline ? payload.subarray(0, -1) : payload;
    this.#terminal.out(Buffer.concat([Buffer.from(`Response from '${from}': `), text, lineEnd]));
  }

  conclude(): void {
    if (this.#countAcks) this.#terminal.out(`Total Acks: ${this.#acks}\n`);
    this.#terminal.out(`Total Responses: ${this.#responses}\n`);
  }
}

const lineEnd = Buffer.of(newline);

/** One object at the end. */
export class JsonReport implements QueryReport {
  readonly #terminal: Terminal;
  /** At most as many as the cluster has members. */
  readonly #acks: string[] = [];
  readonly #responses = new Map<string, string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  begin(): void {}

  take(answer: QueryAnswer): void {
    if (answer.kind === "ack") this.#acks.push(answer.from);
    else this.#responses.set(answer.from, Buffer.from(answer.payload).toString());
  }

  conclude(): void {
    const acks = this.#acks.length === 0 ? null : this.#acks;
    this.#terminal.out(`${toJson({ Acks: acks, Responses: toObject(this.#responses) })}\n`);
  }
}
