import { compareTexts } from "../base/compare-texts.js";
import type { Instant, Millis } from "../base/units.js";
import { keyOf } from "./backends.js";
import type { GuardConfig, PoolConfig } from "./config.js";
import type { ProbeQuestion } from "./decision.js";
import type { Admission, Cause, Hold, Server } from "./model.js";
import {
  type Look,
  lighter,
  lingerFor,
  type PoolDecision,
  patienceFor,
  serverOf,
} from "./pool-decision.js";
import { type Entry, type Loss, type PoolEntries, wishUnder } from "./pool-entries.js";
import { takenOut } from "./suspicion.js";

/**
 * Lifeguard's awareness above which not even a probe of our own counts against a suspect. One silent
 * member makes it 3 without any fault of ours: so many helpers could not say that they tried (memberlist
 * state.go, probeNode).
 */
const mostAwareness = 3;

export interface SharedPoolParts {
  readonly pool: PoolConfig;
  readonly guard: GuardConfig;
  /** What is held is let go when the pool stood still for so long and has enough without it. */
  readonly settleLimit: Millis;
}

export type Lost = Entry & { readonly loss: Loss };

/** One decision of a pool. */
export class PoolRound {
  readonly look: Look;
  /** Servers that failed, vanished or are refused now, and that are not in dispute. */
  readonly lost: readonly Lost[];
  /** How many servers there are without those. */
  readonly present: number;
  least = 1;
  calmEnd: Instant | undefined;
  readonly #parts: SharedPoolParts;
  readonly #entries: PoolEntries;
  readonly #disputed: ReadonlySet<Lost>;
  readonly #alive: readonly Entry[];
  readonly #questions = new Map<string, ProbeQuestion>();
  readonly #deadlines: Instant[] = [];
  #flapping = false;

  constructor(
    parts: SharedPoolParts,
    look: Look,
    entries: PoolEntries,
    leavers: ReadonlySet<Entry>,
  ) {
    this.look = look;
    this.#parts = parts;
    this.#entries = entries;
    const lost: Lost[] = [];
    const disputed = new Set<Lost>();
    const alive: Entry[] = [];
    for (const entry of entries.all()) {
      if (leavers.has(entry)) continue;
      if (!isLost(entry)) alive.push(entry);
      else if (this.#isDisputed(entry)) {
        disputed.add(entry);
        // When the dispute ends it is judged like any other.
        entry.loss.phase = "fresh";
      } else if (entry.served && entry.loss.reason !== "left" && !this.#isUnheard(entry)) {
        lost.push(entry);
      }
    }
    this.lost = lost;
    this.#disputed = disputed;
    this.#alive = alive.sort((one, other) => compareTexts(one.key, other.key));
    this.present = alive.length + disputed.size;
  }

  /** Everybody who is served although lost. */
  held(): Lost[] {
    return [...this.#entries.all()].filter(isLost).filter(({ loss }) => loss.phase === "held");
  }

  heldByFailure(): number {
    return this.held().filter((entry) => entry.loss.reason !== "left").length;
  }

  admit(): PoolDecision {
    const servers = new Map<string, Server>();
    const put = (entry: Entry, admission: Admission, cause: Cause): void => {
      servers.set(entry.key, serverOf(entry.endpoint, admission, cause));
    };
    const held = this.held();
    for (const entry of held) put(entry, "ready", "held");
    for (const entry of this.#disputed) {
      // Whoever was held out is not let in by failing once more.
      if (this.look.damping.until(this.look.now, entry.endpoint.node) !== undefined)
        put(entry, "drain", "damped");
      else servers.set(entry.key, lighter(serverOf(entry.endpoint, "ready", "disputed")));
    }
    this.#listDead(put);
    this.#listPlanned(servers);
    const holds = this.#holds(held);
    this.#admitAlive(servers, held.length + this.#disputed.size, holds);
    if (held.length > 0 || this.#flapping) {
      this.#at(this.#entries.recent.nextChange(this.look.now));
    }
    return {
      servers: [...servers.values()],
      holds,
      questions: [...this.#questions.values()],
      deadlines: this.#deadlines,
      lost: this.#countLost(),
    };
  }

  /** Those who are alive, less those who are not proven yet, who flap and who are suspected. */
  #admitAlive(servers: Map<string, Server>, others: number, holds: Hold[]): void {
    const pending = this.#pending();
    const proven = this.#alive.filter((entry) => !pending.has(entry));
    const damped = this.#damped(proven, holds);
    const candidates = proven.filter((entry) => !damped.has(entry));
    // Somebody who may not answer is better than nobody at all.
    const desperate = candidates.length + others === 0;
    const ready = desperate ? this.#alive.filter((entry) => !damped.has(entry)) : candidates;
    const suspended = this.#suspended(ready);
    const lightly = this.#parts.pool.onSuspect === "weight";
    for (const entry of this.#alive) {
      entry.suspended = suspended.has(entry.key);
      const put = (admission: Admission, cause: Cause): Server => {
        entry.listed = true;
        const server = serverOf(entry.endpoint, admission, cause);
        servers.set(entry.key, server);
        return server;
      };
      if (entry.forced) put("ready", "overridden");
      else if (damped.has(entry)) put("drain", "damped");
      else if (pending.has(entry) && !desperate) {
        if (!this.#isJustAsked(entry)) put("drain", "pending");
      } else if (!entry.suspended) put("ready", "alive");
      else if (lightly) servers.set(entry.key, lighter(put("ready", "suspected")));
      else put(this.#parts.pool.onSuspect === "out" ? "out" : "drain", "suspected");
    }
  }

  /** New servers whose service has not answered yet. An answer that never comes admits them. */
  #pending(): ReadonlySet<Entry> {
    const { look } = this;
    const { probe } = this.#parts.pool;
    const pending = new Set<Entry>();
    if (probe === undefined) return pending;
    for (const entry of this.#alive) {
      if (entry.admitted || entry.forced) continue;
      const answer = this.#ask(entry);
      if (answer === "yes") {
        entry.admitted = true;
        continue;
      }
      if (answer === "no" || entry.askedSince === undefined) entry.askedSince = look.now;
      const end = entry.askedSince + patienceFor(probe);
      if (look.now >= end) continue;
      pending.add(entry);
      if (answer === "unknown") this.#at(end);
    }
    return pending;
  }

  /** A new one that was asked a moment ago: its answer will be here before a round could list it. */
  #isJustAsked(entry: Entry): boolean {
    const { probe } = this.#parts.pool;
    if (entry.listed || probe === undefined || entry.askedSince === undefined) return false;
    const end = entry.askedSince + probe.timeout;
    if (this.look.now >= end || this.#ask(entry) !== "unknown") return false;
    this.#at(end);
    return true;
  }

  /** Those who flap, the worst first, and no more than leaves enough. */
  #damped(proven: readonly Entry[], holds: Hold[]): ReadonlySet<Entry> {
    const { damping, now } = this.look;
    const flapping = proven.flatMap((entry) => {
      if (entry.forced) return [];
      const { node } = entry.endpoint;
      const until = damping.until(now, node);
      return until === undefined ? [] : [{ entry, until }];
    });
    this.#flapping = flapping.length > 0;
    const room = Math.max(0, proven.length - this.least);
    flapping.sort(
      (one, other) => other.until - one.until || compareTexts(one.entry.key, other.entry.key),
    );
    const out = flapping.slice(0, room);
    if (out.length === 0) return new Set();
    const until = Math.min(...out.map((one) => one.until));
    this.#at(until);
    holds.push(
      this.#hold(
        "damped",
        out.map(({ entry }) => entry),
        "failed again and again: held out until the penalty has fallen, or an operator forgives",
        until,
      ),
    );
    return new Set(out.map(({ entry }) => entry));
  }

  #suspended(ready: readonly Entry[]): ReadonlySet<string> {
    const { awareness, candidates, isolated } = this.look;
    const { maxSuspects, onSuspect, probe } = this.#parts.pool;
    // Who is slow or alone itself finds everybody silent.
    if (onSuspect === "none" || isolated) return new Set();
    const isUnwell = awareness > (probe === undefined ? 0 : mostAwareness);
    const suspects = ready.filter((entry) => {
      if (entry.forced || candidates.byKey.get(entry.key)?.suspected !== true) return false;
      // The silence of the very member that is out makes us doubt ourselves: that brings it not back.
      if (isUnwell && !entry.suspended) return false;
      if (probe === undefined) return true;
      const answer = this.#ask(entry);
      return answer === "no" || (answer === "unknown" && entry.suspended);
    });
    return takenOut(
      suspects.map(({ key, suspended }) => ({ key, already: suspended })),
      ready.length,
      maxSuspects,
    );
  }

  /** Those who failed and are not held: out, until their sessions are ended for sure. */
  #listDead(put: (entry: Entry, admission: Admission, cause: Cause) => void): void {
    const { guard, pool } = this.#parts;
    const { now } = this.look;
    for (const entry of this.#entries.all()) {
      if (!isLost(entry) || entry.loss.phase !== "released") continue;
      if (entry.loss.reason !== "failed") continue;
      const { loss } = entry;
      const end = loss.releasedAt + lingerFor(pool.drainLimit);
      if (now >= end) continue;
      this.#at(end);
      const asked =
        pool.probe === undefined
          ? now
          : Math.min(loss.releasedAt + patienceFor(pool.probe), loss.at + guard.disputeLimit);
      const open = entry.served && !loss.final && !loss.confirmed && now < asked;
      if (open) this.#at(asked);
      put(entry, open ? "drain" : "out", "failed");
    }
  }

  /** Those who want to be out, or whom the operator wants out. */
  #listPlanned(servers: Map<string, Server>): void {
    for (const [key, candidate] of this.look.candidates.byKey) {
      if (servers.has(key)) continue;
      const override = this.look.override(candidate.node);
      const wish = wishUnder(this.look, candidate);
      if (wish === "ready" || wish === "failed") continue;
      if (override === "drain" || override === "out") {
        servers.set(key, serverOf(candidate, override, "overridden"));
      } else servers.set(key, serverOf(candidate, "drain", wish));
    }
  }

  #holds(held: readonly Lost[]): Hold[] {
    const holds: Hold[] = [];
    const { heardBy, isolated } = this.look;
    const unheard = held.filter((entry) => this.#isUnheard(entry));
    const left = held.filter(({ loss }) => loss.reason === "left");
    const lost = held.filter((entry) => !unheard.includes(entry) && !left.includes(entry));
    if (unheard.length > 0) {
      this.#at(heardBy);
      const reason =
        "were served before the restart and nobody has told of them yet: they stay for now";
      const until = Number.isFinite(heardBy) ? heardBy : undefined;
      holds.push(this.#hold("warm-up", unheard, reason, until));
    }
    if (left.length > 0) {
      const reason =
        "left, and nobody else is there: kept until somebody joins or an operator accepts it (allow_empty would let it go)";
      holds.push(this.#hold("last server", left, reason, undefined));
    }
    if (lost.length === 0) return holds;
    for (const { loss } of lost) {
      if (loss.reason === "vanished") this.#at(loss.at + this.#parts.guard.window);
    }
    this.#at(this.calmEnd);
    const end =
      "until they are heard again or leave, enough others are there, or an operator accepts it";
    if (isolated) {
      const reason =
        "we hear nobody at all, so what we know of others counts for nothing: all stay";
      holds.push(this.#hold("isolated", lost, reason, undefined));
    } else if (this.present === 0 && lost.length === 1) {
      holds.push(
        this.#hold("last server", lost, `failed, and nobody else is there: kept ${end}`, undefined),
      );
    } else if (this.calmEnd !== undefined) {
      const reason =
        "were lost while too many were; enough are there again: let go if nothing moves";
      holds.push(this.#hold("mass loss", lost, reason, this.calmEnd));
    } else {
      const reason = `${lost.length} were lost and ${this.present} are left, fewer than ${this.least}: kept ${end}`;
      holds.push(this.#hold("mass loss", lost, reason, undefined));
    }
    return holds;
  }

  #hold(
    kind: Hold["kind"],
    entries: readonly Entry[],
    reason: string,
    until: Instant | undefined,
  ): Hold {
    const nodes = [...new Set(entries.map(({ endpoint }) => endpoint.node))].sort(compareTexts);
    return { pool: this.#parts.pool.name, kind, nodes, reason, until };
  }

  /** The members whose loss is believed since just now. */
  #countLost(): readonly string[] {
    const nodes: string[] = [];
    for (const { endpoint, loss } of this.lost) {
      if (loss.counted || loss.phase !== "released") continue;
      loss.counted = true;
      if (loss.reason !== "refused") nodes.push(endpoint.node);
    }
    return nodes;
  }

  /** A failed member whose service answers us: it may be gossip that fails. */
  #isDisputed({ endpoint, loss, served }: Lost): boolean {
    const { pool, guard } = this.#parts;
    const { now } = this.look;
    const end = loss.at + guard.disputeLimit;
    if (pool.probe === undefined || loss.reason !== "failed" || !served || loss.final) return false;
    if (now >= end) return false;
    if (this.look.isolated) {
      // Whoever hears nobody reaches nobody either: that says nothing of them.
      loss.confirmed = false;
      return false;
    }
    const answer = this.#ask({ endpoint });
    if (answer !== "unknown") loss.confirmed = answer === "no";
    if (answer !== "yes") return false;
    this.#at(end);
    return true;
  }

  #isUnheard({ heard, loss }: Entry): boolean {
    return !heard && loss?.reason === "vanished" && loss.phase === "held";
  }

  #ask({ endpoint }: Pick<Entry, "endpoint">): "yes" | "no" | "unknown" {
    const { probe } = this.#parts.pool;
    if (probe === undefined) return "unknown";
    const { ip, port } = endpoint;
    const question = { ip, port, probe };
    this.#questions.set(keyOf({ node: "", ip, port }), question);
    return this.look.probes.answer(question);
  }

  #at(instant: Instant | undefined): void {
    if (instant !== undefined) this.#deadlines.push(instant);
  }
}

function isLost(entry: Entry): entry is Lost {
  return entry.loss !== undefined;
}
