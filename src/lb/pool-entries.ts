import type { Instant, Millis } from "../base/units.js";
import { type Candidate, type Endpoint, keyOf, type Wish } from "./backends.js";
import type { PoolConfig } from "./config.js";
import { RecentMaximum } from "./guard.js";
import { isObject } from "./json-object.js";
import { numberIn } from "./memory.js";
import { type Look, lingerFor } from "./pool-decision.js";
import { readIp, readNodeName, readPort, readWeight, templateTags } from "./values.js";

/**
 * A server that is gone, and not as planned. `vanished`: nobody knows of its member; `refused`: its
 * values are wrong now; `left`: the last one, that left and is kept all the same.
 */
export interface Loss {
  reason: "failed" | "vanished" | "refused" | "left";
  readonly at: Instant;
  /** `fresh`: not judged yet. `held`: served all the same. `released`: it is out. */
  phase: "fresh" | "held" | "released";
  releasedAt: Instant;
  /** Our own probe found it dead as well. */
  confirmed: boolean;
  /** It is not to be held again. */
  final: boolean;
  /** It was counted as a flap. */
  counted: boolean;
}

/** A server that the pool has, or had a moment ago. */
export interface Entry {
  readonly key: string;
  endpoint: Endpoint;
  /** It was ever in the pool; false if its member was failed already when we first heard of it. */
  served: boolean;
  /** Somebody spoke of its member since we started. */
  heard: boolean;
  /** It need not prove any more that its service answers. */
  admitted: boolean;
  /** It was told of to the proxy, or may have been. */
  listed: boolean;
  /** Since when its first answer is waited for. */
  askedSince: Instant | undefined;
  /** It is out for a suspicion. */
  suspended: boolean;
  /** The operator wants it ready. */
  forced: boolean;
  loss: Loss | undefined;
}

/** Losses so close together are one incident: what is held, is held as it was before the first. */
export const incidentTime: Millis = 60_000;

/** What {@link PoolEntries.follow} found besides. */
export interface Departures {
  /** Those that are about to leave the pool as planned, sorted by key. */
  readonly leavers: readonly Entry[];
}

/**
 * The servers of a pool over time. At most so many as there are candidates, and as many again that are
 * held or were lost a moment ago.
 */
export class PoolEntries {
  readonly recent: RecentMaximum;
  readonly #pool: PoolConfig;
  readonly #window: Millis;
  readonly #byKey = new Map<string, Entry>();
  /** Whom the last decision listed, those who drain included. */
  #listed: ReadonlySet<string> = new Set();

  constructor(pool: PoolConfig, window: Millis, restored: readonly Entry[]) {
    this.#pool = pool;
    this.#window = window;
    for (const entry of restored) this.#byKey.set(entry.key, entry);
    const counted = restored.filter(({ loss }) => loss?.phase !== "released");
    this.recent = new RecentMaximum(window, counted.length);
  }

  all(): Iterable<Entry> {
    return this.#byKey.values();
  }

  /** `servers` is what was decided. */
  noteListed(servers: readonly Endpoint[]): void {
    this.#listed = new Set(servers.map(keyOf));
  }

  /** Brings the entries up to date with the members, and finds who is lost. */
  follow(look: Look): Departures {
    const leavers: Entry[] = [];
    for (const entry of this.#byKey.values()) {
      const candidate = look.candidates.byKey.get(entry.key);
      if (candidate === undefined) this.#miss(entry, look, leavers);
      else this.#meet(entry, candidate, look, leavers);
    }
    for (const [key, candidate] of look.candidates.byKey) {
      if (!this.#byKey.has(key)) this.#add(key, candidate, look);
    }
    this.#forget(look);
    leavers.sort((one, other) => (one.key < other.key ? -1 : 1));
    return { leavers };
  }

  /** It goes as planned: nothing was lost. */
  depart(now: Instant, entry: Entry): void {
    const { loss, served } = entry;
    const counts =
      loss?.phase !== "released" || (!loss.final && loss.releasedAt + this.#window > now);
    if (served && counts) this.recent.depart();
    this.#byKey.delete(entry.key);
  }

  memory(now: Instant): unknown {
    return [...this.#byKey.values()]
      .filter(({ served }) => served)
      .map(({ endpoint, admitted, loss }) => {
        const { node, ip, port, weight, tags } = endpoint;
        const kept = { node, ip, port, weight, tags: Object.fromEntries(tags), admitted };
        if (loss === undefined) return kept;
        const { reason, phase, confirmed, final } = loss;
        const lost = { reason, phase, confirmed, final };
        return {
          ...kept,
          loss: { ...lost, ago: now - loss.at, releasedAgo: Math.max(0, now - loss.releasedAt) },
        };
      });
  }

  #meet(entry: Entry, candidate: Candidate, look: Look, leavers: Entry[]): void {
    entry.heard = true;
    entry.forced = look.override(entry.endpoint.node) === "ready";
    switch (wishUnder(look, candidate)) {
      case "ready":
        entry.endpoint = candidate;
        entry.served = true;
        // Who was out proves itself again; who was held never stopped serving.
        if (entry.loss?.phase === "released") entry.admitted = this.#pool.probe === undefined;
        entry.loss = undefined;
        return;
      case "failed":
        lose(entry, look.now, "failed");
        return;
      case "left":
        leavers.push(entry);
        return;
      default:
        this.depart(look.now, entry);
    }
  }

  #miss(entry: Entry, look: Look, leavers: Entry[]): void {
    const { now, candidates } = look;
    const { loss } = entry;
    // Whatever is done to the old server would be done to the new one.
    if (candidates.isTaken(entry.endpoint)) {
      this.depart(now, entry);
      return;
    }
    const whereabouts = candidates.whereabouts(entry.endpoint.node);
    if (whereabouts !== "vanished") entry.heard = true;
    switch (whereabouts) {
      case "vanished":
        this.#vanish(entry, look);
        return;
      case "moved":
        // Another address is another server. The old one drains, unless it was dead before.
        if (loss?.reason !== "failed") this.depart(now, entry);
        else if (loss.phase === "released") loss.final = true;
        else release(loss, now, true);
        return;
      case "left":
      case "unmatched":
        leavers.push(entry);
        return;
      case "replaced":
        this.depart(now, entry);
        return;
      default:
        lose(entry, now, whereabouts);
    }
  }

  #vanish(entry: Entry, look: Look): void {
    const { loss } = entry;
    if (!entry.heard) {
      if (loss?.phase === "released") this.depart(look.now, entry);
      else if (look.now < look.heardBy) {
        entry.loss = { ...newLoss("vanished", look.now), phase: "held" };
      } else {
        entry.heard = true;
        entry.loss = newLoss("vanished", look.now);
      }
      return;
    }
    // The group forgets who failed long ago: that is the end of it.
    if (loss?.reason === "failed") this.depart(look.now, entry);
    else lose(entry, look.now, "vanished");
  }

  #add(key: string, candidate: Candidate, look: Look): void {
    const wish = wishUnder(look, candidate);
    if (wish !== "ready" && wish !== "failed") return;
    const dead = wish === "failed";
    this.#byKey.set(key, {
      key,
      endpoint: candidate,
      served: !dead,
      heard: true,
      admitted: this.#pool.probe === undefined,
      listed: this.#listed.has(key),
      askedSince: undefined,
      suspended: false,
      forced: look.override(candidate.node) === "ready",
      loss: dead
        ? { ...newLoss("failed", look.now), phase: "released", final: true, counted: true }
        : undefined,
    });
  }

  #forget(look: Look): void {
    const retention = Math.max(incidentTime, lingerFor(this.#pool.drainLimit));
    for (const { key, loss } of this.#byKey.values()) {
      if (loss?.phase !== "released" || look.now < loss.releasedAt + retention) continue;
      // Remembered for as long as it is among the members, or it would be listed as out once more.
      if (!look.candidates.byKey.has(key)) this.#byKey.delete(key);
    }
  }
}

/** What a member wants, under what the operator wants of it. */
export function wishUnder(look: Look, { node, wish }: Candidate): Wish {
  switch (look.override(node)) {
    case undefined:
      return wish;
    case "ready":
      return "ready";
    default:
      return wish === "failed" ? "failed" : "draining";
  }
}

export function release(loss: Loss, now: Instant, final: boolean): void {
  loss.phase = "released";
  loss.releasedAt = now;
  if (final) loss.final = true;
}

function newLoss(reason: Loss["reason"], now: Instant): Loss {
  return {
    reason,
    at: now,
    phase: "fresh",
    releasedAt: now,
    confirmed: false,
    final: false,
    counted: false,
  };
}

function lose(entry: Entry, now: Instant, reason: Loss["reason"]): void {
  if (entry.loss === undefined) entry.loss = newLoss(reason, now);
  else if (entry.loss.reason !== "left" || reason === "failed") entry.loss.reason = reason;
}

/** Takes what {@link PoolEntries.memory} gave; whatever is no such thing is left out. */
export function restoreEntries(
  pool: PoolConfig,
  now: Instant,
  elapsed: Millis,
  remembered: unknown,
): readonly Entry[] {
  if (!Array.isArray(remembered)) return [];
  const entries = new Map<string, Entry>();
  for (const item of remembered.slice(0, 2 * pool.maxServers)) {
    if (!isObject(item)) continue;
    const endpoint = readEndpoint(item);
    if (endpoint === undefined) continue;
    const key = keyOf(endpoint);
    entries.set(key, {
      key,
      endpoint,
      served: true,
      heard: false,
      admitted: item.admitted === true || pool.probe === undefined,
      listed: true,
      askedSince: undefined,
      suspended: false,
      forced: false,
      loss: readLoss(item.loss, now - elapsed),
    });
  }
  return [...entries.values()];
}

/** A server as it was remembered; undefined if it is none. Checked as what comes from the network is. */
export function readEndpoint(item: unknown): Endpoint | undefined {
  if (!isObject(item)) return undefined;
  const node = readNodeName(String(item.node));
  const ip = readIp(String(item.ip));
  const port = readPort(String(item.port));
  const weight = readWeight(String(item.weight));
  if (node.fault !== undefined || ip.fault !== undefined) return undefined;
  if (port.fault !== undefined || weight.fault !== undefined) return undefined;
  const tags = isObject(item.tags) ? Object.entries(item.tags) : [];
  const texts = tags.filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return {
    node: node.value,
    ip: ip.value,
    port: port.value,
    weight: weight.value,
    tags: templateTags(new Map(texts)),
  };
}

function readLoss(item: unknown, then: Instant): Loss | undefined {
  if (!isObject(item)) return undefined;
  const reason = (["failed", "vanished", "refused", "left"] as const).find(
    (known) => known === item.reason,
  );
  const ago = numberIn(item.ago, 0, Number.MAX_SAFE_INTEGER);
  const releasedAgo = numberIn(item.releasedAgo, 0, Number.MAX_SAFE_INTEGER);
  if (reason === undefined || ago === undefined || releasedAgo === undefined) return undefined;
  return {
    reason,
    at: then - ago,
    phase: item.phase === "released" ? "released" : "held",
    releasedAt: then - releasedAgo,
    confirmed: item.confirmed === true,
    final: item.final === true,
    counted: true,
  };
}
