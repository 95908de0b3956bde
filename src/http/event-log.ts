import { randomBytes } from "node:crypto";
import type { StreamEvents } from "../observe/stream-events.js";

interface Kept {
  readonly text: string;
  readonly at: string;
}

/** Where a stream goes on, and what it is told first because it does not go on where it should. */
export interface Resumption {
  /** The next event that it gets. */
  readonly seq: number;
  readonly reset: StreamEvents["reset"] | undefined;
}

/** The last events, as text that all streams send alike: one copy, however many readers there are. */
export class EventLog {
  /** Of this run of the agent: ids of another one mean nothing to it. */
  readonly #epoch = randomBytes(6).toString("hex");
  readonly #limit: number;
  /** At most `#limit` characters, or one event; a text in which there is more than ASCII takes twice as much. */
  readonly #kept: Kept[] = [];
  #size = 0;
  /** Of the event that comes next; they count from 1. */
  #next = 1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  append<Name extends keyof StreamEvents>(name: Name, at: string, data: StreamEvents[Name]): void {
    const id = this.idBefore(this.#next + 1);
    const text = `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#kept.push({ text, at });
    this.#size += text.length;
    this.#next += 1;
    while (this.#size > this.#limit && this.#kept.length > 1) {
      this.#size -= this.#kept.shift()?.text.length ?? 0;
    }
  }

  get next(): number {
    return this.#next;
  }

  /** The id that stands for having got everything before event `seq`. */
  idBefore(seq: number): string {
    return `${this.#epoch}-${seq - 1}`;
  }

  /** Events from `seq` on, about `size` characters; undefined if they are forgotten. */
  from(seq: number, size: number): { readonly text: string; readonly next: number } | undefined {
    const first = this.#first;
    if (seq < first) return undefined;
    let text = "";
    let next = seq;
    while (next < this.#next && text.length < size) {
      text += this.#kept[next - first]?.text ?? "";
      next += 1;
    }
    return { text, next };
  }

  /** What follows the event `id`; undefined if `id` is none of ours, of whatever run. */
  after(id: string): Resumption | undefined {
    const [, epoch, count] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(id) ?? [];
    if (count === undefined) return undefined;
    const seq = Number(count) + 1;
    const live = this.#next;
    if (epoch !== this.#epoch || seq > live) return { seq: live, reset: { why: "restarted" } };
    if (seq < this.#first) return { seq: live, reset: { why: "forgotten" } };
    return { seq, reset: undefined };
  }

  /** What has happened at `at` or later, as far as it is kept; a reset says that it may not be all. */
  since(at: string): Resumption {
    const index = this.#kept.findIndex((kept) => kept.at >= at);
    const isAll = index !== 0 || this.#first === 1;
    return {
      seq: index < 0 ? this.#next : this.#first + index,
      reset: isAll ? undefined : { why: "forgotten" },
    };
  }

  get #first(): number {
    return this.#next - this.#kept.length;
  }
}
