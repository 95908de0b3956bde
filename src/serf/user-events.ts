import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes, Instant } from "../base/units.js";
import {
  type EventSlot,
  encodeSerfMessage,
  type LamportTime,
  type UserEventMessage,
} from "../wire/serf-messages.js";
import { decodeText, encodeText } from "../wire/text.js";
import { maxUserEventBytes, type SerfConfig } from "./config.js";
import type { SerfCounters } from "./counters.js";
import type { UserEvent } from "./events.js";
import type { LamportClock } from "./lamport.js";
import { RecentTimes } from "./recent-times.js";

interface BufferedEvent {
  readonly name: string;
  readonly payload: Bytes | undefined;
}

/**
 * What all remembered events together may weigh, in bytes: 512 of the longest ones there can be fit,
 * and what a push/pull says of them stays below the 20 MiB that a peer accepts.
 */
const capacityBytes = 8 * 1_048_576;

/**
 * Events are remembered so many times longer than they are shown to others. Serf forgets them when it
 * has seen 512 newer ones, and takes what comes after that for old: of some hundred a second, those that
 * gossip brings late are lost.
 */
const memory = 8;

/** What an event weighs besides its name and payload; keeps their number below what peers accept. */
const entryBytes = 128;

const nothing: Bytes = new Uint8Array(0);

/** User events: each is delivered once and passed on once (protocol.md section 5.8). */
export class UserEvents {
  readonly #config: SerfConfig;
  readonly #log: Log;
  readonly #counters: SerfCounters;
  readonly #clock: LamportClock;
  readonly #recent: RecentTimes<BufferedEvent>;
  readonly #deliver: (now: Instant, event: UserEvent) => void;

  constructor(
    config: SerfConfig,
    parts: { readonly log: Log; readonly counters: SerfCounters; readonly clock: LamportClock },
    deliver: (now: Instant, event: UserEvent) => void,
  ) {
    this.#config = config;
    this.#log = parts.log;
    this.#counters = parts.counters;
    this.#clock = parts.clock;
    this.#recent = new RecentTimes(parts.clock, memory * config.eventBuffer, capacityBytes);
    this.#deliver = deliver;
  }

  /**
   * Says something to everybody, us included, and gives the message to gossip. Throws
   * {@link OperatorError} if it is too long.
   */
  originate(now: Instant, name: string, payload: Bytes, coalesce: boolean): Bytes {
    const limit = this.#config.userEventSizeLimit;
    if (encodeText(name).length + payload.length > limit) {
      throw new OperatorError(
        `user event exceeds configured limit of ${limit} bytes before encoding`,
      );
    }
    const ltime = this.#clock.time;
    const message: UserEventMessage = { kind: "user-event", ltime, name, payload, coalesce };
    const encoded = encodeSerfMessage(message);
    if (encoded.length > limit) {
      throw new OperatorError(
        `encoded user event exceeds configured limit of ${limit} bytes after encoding`,
      );
    }
    this.handle(now, message);
    return encoded;
  }

  /** Takes in an event; true if it is new, and others should hear of it. */
  handle(now: Instant, message: UserEventMessage): boolean {
    const { ltime, name, coalesce } = message;
    this.#clock.witness(ltime);
    const payload = message.payload === undefined ? undefined : Uint8Array.from(message.payload);
    const encodedName = encodeText(name);
    const weight = entryBytes + encodedName.length + (payload?.length ?? 0);
    const identity = `${name.length}:${name}${decodeText(payload ?? nothing)}`;
    switch (this.#recent.add(ltime, identity, weight, { name, payload })) {
      case "new":
        this.#counters.userEvents += 1;
        this.#deliver(now, { kind: "user", ltime, name, payload: payload ?? nothing, coalesce });
        return true;
      case "old":
        this.#counters.tooOld += 1;
        this.#log.warn(
          {},
          `received old event ${name} from time ${ltime} (current: ${this.#clock.time})`,
        );
        return false;
      case "full":
        this.#counters.overflows += 1;
        this.#log.warn({ event: name, ltime }, "no room to remember a user event");
        return false;
      case "duplicate":
        this.#counters.duplicates += 1;
        return false;
      case "ignored":
        return false;
    }
  }

  /** What all remembered events together weigh. */
  get rememberedBytes(): number {
    return this.#recent.weight;
  }

  /** Whatever was said before `ltime` is not delivered. */
  ignoreBefore(ltime: LamportTime): void {
    this.#recent.ignoreBefore(ltime);
  }

  /** What is remembered, as a push/pull shows it: one slot for each Lamport time of the buffer. */
  slots(): (EventSlot | undefined)[] {
    return this.#recent
      .latest(this.#config.eventBuffer)
      .map((slot) => slot && { ltime: slot.ltime, events: [...slot.entries.values()] });
  }
}

/** Throws {@link OperatorError} if the configured limit of user events is more than there can be. */
export function checkUserEventLimit(limit: number): void {
  if (limit > maxUserEventBytes) {
    throw new OperatorError(`user event size limit exceeds limit of ${maxUserEventBytes} bytes`);
  }
}
