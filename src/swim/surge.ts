import { type Instant, type Millis, seconds } from "../base/units.js";
import type { Parts } from "./parts.js";

/** So many members may come between two exchanges without being a surge. */
const fewArrivals = 2;

/** Nor is it one if it is at most this share of those that are here. */
const smallShare = 1 / 8;

/** Before the first exchange; each further one waits twice as long. */
const firstWait: Millis = seconds(1);

/** In one surge; then regular push/pulls have to do. */
const maxExchanges = 5;

/**
 * When many come at once, makes sure that gossip has missed none of them.
 *
 * Serf leaves it to the push/pull that comes after half a minute or, in a large group, minutes. Here
 * one follows soon, and others until one has brought nothing new to either side. In a group where
 * nobody comes, or few do, there are none of them.
 */
export class Surge {
  readonly #parts: Parts;
  readonly #exchange: (now: Instant) => void;
  /** Members that came since we and another one told each other all. */
  #arrived = 0;
  /** Of the surge that goes on; undefined if there is none. */
  #exchanges: number | undefined;
  /** False once an exchange brought nothing new, until the next member comes. */
  #unsure = false;

  /** `exchange` is to tell anybody all, and to hear all. */
  constructor(parts: Parts, exchange: (now: Instant) => void) {
    this.#parts = parts;
    this.#exchange = exchange;
  }

  /** A member has come that was not known; one that comes back is told of by those who found it gone. */
  noteArrival(now: Instant): void {
    const { members } = this.#parts;
    this.#arrived += 1;
    this.#unsure = true;
    if (this.#exchanges !== undefined) return;
    if (this.#arrived <= Math.max(fewArrivals, smallShare * members.here)) return;
    this.#exchanges = 0;
    this.#lookAfter(now, firstWait);
  }

  /** We and another member have told each other all, whoever began; `news` if either did not know all. */
  noteExchange(news: boolean): void {
    this.#arrived = 0;
    this.#unsure = news;
  }

  #lookAfter(now: Instant, wait: Millis): void {
    const { random, sendTimers } = this.#parts.host;
    // Not all at once: who has had an exchange before its own is due may be sure by then.
    sendTimers.at(now + wait * (0.5 + random.next()), (then) => this.#look(then, wait));
  }

  #look(now: Instant, waited: Millis): void {
    const exchanges = this.#exchanges ?? 0;
    if (!this.#unsure || exchanges === maxExchanges) {
      this.#exchanges = undefined;
      return;
    }
    this.#exchanges = exchanges + 1;
    this.#exchange(now);
    this.#lookAfter(now, 2 * waited);
  }
}
