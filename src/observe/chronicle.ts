import type { Millis } from "../base/units.js";
import type { Acked, Observation } from "../swim/observation.js";
import type { Deed } from "./deed.js";

/** Milliseconds since 1970, of the machine's wall clock. */
export type WallTime = number;

/** A deed with its place and time. */
export interface Entry {
  /** Counts from 1 and grows by one. */
  readonly seq: number;
  readonly at: WallTime;
  readonly deed: Deed;
}

export interface RoundTrip {
  readonly at: WallTime;
  readonly rtt: Millis;
}

/** Entries that are kept: at a few hundred bytes each, less than a megabyte. */
const maxEntries = 4_096;

/** Round-trip times that are kept of each member: at a probe every second in a group of five, some minutes. */
const maxRoundTrips = 64;

/** Members of which round-trip times are kept; who has not been probed for the longest time goes first. */
const maxTimed = 2_048;

type Sink = (entry: Entry) => void;

/** What one agent saw and did lately, in order; the oldest is forgotten first. */
export class Chronicle {
  readonly #wallClock: () => WallTime;
  readonly #capacity: number;
  /** At most twice `#capacity`, of which the last `#capacity` count. */
  #entries: Entry[] = [];
  #lastSeq = 0;
  readonly #roundTrips = new Map<string, RoundTrip[]>();
  readonly #sinks = new Set<Sink>();
  readonly #rttSinks = new Set<(rtt: Millis) => void>();

  constructor(wallClock: () => WallTime, capacity = maxEntries) {
    this.#wallClock = wallClock;
    this.#capacity = capacity;
  }

  /** What the failure detector tells; answers to pings are no entries. */
  observe(observation: Observation): void {
    if (observation.kind === "acked") this.#time(observation);
    else this.note(observation);
  }

  note(deed: Deed): void {
    const entry = { seq: ++this.#lastSeq, at: this.#wallClock(), deed };
    if (!isFleeting(deed)) this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#capacity) {
      this.#entries = this.#entries.slice(-this.#capacity);
    }
    for (const sink of this.#sinks) sink(entry);
  }

  /** Oldest first. */
  since(at: WallTime): readonly Entry[] {
    const kept = this.#entries.slice(-this.#capacity);
    const first = kept.findIndex((entry) => entry.at >= at);
    return first < 0 ? [] : kept.slice(first);
  }

  /** Oldest first. */
  roundTrips(node: string): readonly RoundTrip[] {
    return (this.#roundTrips.get(node) ?? []).slice(-maxRoundTrips);
  }

  lastRoundTrip(node: string): RoundTrip | undefined {
    return this.#roundTrips.get(node)?.at(-1);
  }

  /** Tells `sink` of each entry from now on; the function that comes back ends that. */
  follow(sink: Sink): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** Tells `sink` of each answer to a ping of ours from now on; the function that comes back ends that. */
  followRoundTrips(sink: (rtt: Millis) => void): () => void {
    this.#rttSinks.add(sink);
    return () => this.#rttSinks.delete(sink);
  }

  #time({ node, rtt }: Acked): void {
    for (const sink of this.#rttSinks) sink(rtt);
    let kept = this.#roundTrips.get(node) ?? [];
    this.#roundTrips.delete(node);
    kept.push({ at: this.#wallClock(), rtt });
    if (kept.length >= 2 * maxRoundTrips) kept = kept.slice(-maxRoundTrips);
    this.#roundTrips.set(node, kept);
    if (this.#roundTrips.size <= maxTimed) return;
    const [oldest] = this.#roundTrips.keys();
    if (oldest !== undefined) this.#roundTrips.delete(oldest);
  }
}

/**
 * True for what is only told, and not kept: queries that are answered every second would push all else out,
 * and the journal of the handlers has them as well.
 */
function isFleeting(deed: Deed): boolean {
  return deed.kind === "handler" && deed.event.startsWith("query:") && deed.failure === undefined;
}
