import type { Address } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";

/** Waits for the answer to a ping. */
export interface AckHandler {
  /** `from` is where it came from: the target, or a helper that passes it on. */
  handleAck(now: Instant, payload: Bytes | undefined, from: Address): void;
  /** A helper could not reach the target either. Does not end the waiting. */
  handleNack?(now: Instant): void;
}

/** The pings that are not answered yet, by sequence number. */
export class PendingAcks {
  /** One of our own probe, those of the relay and of questions, which have limits; their owners forget them. */
  readonly #handlers = new Map<number, AckHandler>();
  #lastSeq = 0;

  get size(): number {
    return this.#handlers.size;
  }

  /** The sequence number to ping with: 1 at first, 32 bits. */
  expect(handler: AckHandler): number {
    this.#lastSeq = (this.#lastSeq + 1) >>> 0;
    this.#handlers.set(this.#lastSeq, handler);
    return this.#lastSeq;
  }

  /** From now on an ack to `seq` is ignored. */
  forget(seq: number): void {
    this.#handlers.delete(seq);
  }

  /** The first ack counts, later ones and those that nobody waits for are ignored. */
  handleAck(now: Instant, seq: number, payload: Bytes | undefined, from: Address): void {
    const handler = this.#handlers.get(seq);
    this.#handlers.delete(seq);
    handler?.handleAck(now, payload, from);
  }

  handleNack(now: Instant, seq: number): void {
    this.#handlers.get(seq)?.handleNack?.(now);
  }
}
