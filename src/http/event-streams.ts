import type { ServerResponse } from "node:http";
import type { EventLog, Resumption } from "./event-log.js";
import type { HttpLimits } from "./limits.js";
import { Refusal } from "./refusal.js";

/** One write, or one event: a reader that is slow has hardly more of our memory. */
const writeCharacters = 16_384;

/** Streams that are written to in one turn of the event loop. */
const streamsPerTurn = 50;

/** How long a browser waits until it comes back, in milliseconds. */
const retryMillis = 1_000;

interface Stream {
  readonly response: ServerResponse;
  /** The next event that it gets. */
  seq: number;
  /** Since when the reader has taken nothing; undefined if it takes all. */
  stalledSince: number | undefined;
}

export const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // nginx would keep events back to fill its buffers.
  "x-accel-buffering": "no",
} as const;

/**
 * The readers of the event log. Each has its place in it and reads on when it has taken what it got; one
 * that takes nothing for too long is cut off: it may come back.
 */
export class EventStreams {
  readonly #log: EventLog;
  readonly #limits: HttpLimits;
  /** At most `limits.streams`. */
  readonly #streams = new Set<Stream>();
  #cut = 0;
  /** Streams that the pass that is under way has still to write to. */
  #pass: Stream[] = [];
  #isPassing = false;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(log: EventLog, limits: HttpLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Streams that were cut off, since the start. */
  get cut(): number {
    return this.#cut;
  }

  /** Takes the response over. Throws {@link Refusal}. */
  open(response: ServerResponse, { reset, seq }: Resumption): void {
    if (this.#streams.size >= this.#limits.streams) {
      throw new Refusal(503, `there are ${this.#limits.streams} event streams already`);
    }
    const stream: Stream = { response, seq, stalledSince: undefined };
    this.#streams.add(stream);
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#limits.heartbeat);
    response.on("close", () => this.#forget(stream));
    response.on("drain", () => {
      stream.stalledSince = undefined;
      this.#write(stream);
    });
    response.writeHead(200, streamHeaders);
    response.write(`retry: ${retryMillis}\n${this.#begin(seq, reset)}`);
    this.#write(stream);
  }

  /** The id alone tells no event, but a reader that comes back sends it. */
  #begin(seq: number, reset: Resumption["reset"]): string {
    const id = `id: ${this.#log.idBefore(seq)}\n`;
    return reset === undefined
      ? `${id}\n`
      : `${id}event: reset\ndata: ${JSON.stringify(reset)}\n\n`;
  }

  /** There are new events. */
  wake(): void {
    if (this.#isPassing || this.#streams.size === 0) return;
    this.#isPassing = true;
    setImmediate(() => this.#step());
  }

  /** Ends all streams, each with what was told last. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const stream of this.#streams) {
      this.#write(stream);
      stream.response.end();
    }
  }

  #step(): void {
    if (this.#pass.length === 0) this.#pass = [...this.#streams];
    for (const stream of this.#pass.splice(-streamsPerTurn)) this.#write(stream);
    if (this.#pass.length === 0) {
      this.#isPassing = false;
      // What came while the pass was under way.
      if (![...this.#streams].some((stream) => this.#isBehind(stream))) return;
      this.#isPassing = true;
    }
    setImmediate(() => this.#step());
  }

  #write(stream: Stream): void {
    while (this.#isBehind(stream)) {
      const events = this.#log.from(stream.seq, writeCharacters);
      stream.seq = events?.next ?? this.#log.next;
      // More has happened than is kept, at once or while it was slow.
      this.#send(stream, events?.text ?? this.#begin(stream.seq, { why: "forgotten" }));
    }
  }

  /** It could be told something now. */
  #isBehind({ response, seq, stalledSince }: Stream): boolean {
    if (response.destroyed || response.writableEnded) return false;
    return stalledSince === undefined && seq < this.#log.next;
  }

  #send(stream: Stream, text: string): void {
    if (!stream.response.write(text)) stream.stalledSince = performance.now();
  }

  #beat(): void {
    const latest = performance.now() - this.#limits.stallTimeout;
    for (const stream of this.#streams) {
      if (stream.stalledSince === undefined) this.#send(stream, ":\n\n");
      else if (stream.stalledSince < latest) this.#cutOff(stream);
    }
  }

  #cutOff(stream: Stream): void {
    if (stream.response.destroyed) return;
    this.#cut += 1;
    stream.response.destroy();
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}
