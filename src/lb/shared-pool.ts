import { compareTexts } from "../base/compare-texts.js";
import type { Instant, Millis } from "../base/units.js";
import { leastServers } from "./guard.js";
import type { Look, PoolDecision, PoolPolicy } from "./pool-decision.js";
import { type Entry, incidentTime, PoolEntries, release, restoreEntries } from "./pool-entries.js";
import { type Lost, PoolRound, type SharedPoolParts } from "./pool-round.js";

/**
 * A pool of any number of servers: who is in it, who is out, and what is not believed.
 *
 * Adding is cheap and done at once. Removing is dangerous: what left goes, what failed goes if enough
 * remains, and what is only suspected goes if it does not answer and not too much of the pool does
 * likewise (loadbalancer.md sections 3.6 and 3.7).
 */
export class SharedPool implements PoolPolicy {
  readonly #parts: SharedPoolParts;
  readonly #entries: PoolEntries;
  /** Since when the pool has enough without those that are held, and nothing moved in it. */
  #calm: { readonly counts: string; readonly since: Instant } | undefined;

  constructor(parts: SharedPoolParts, now: Instant, elapsed: Millis, remembered: unknown) {
    const { guard, pool } = parts;
    this.#parts = parts;
    const restored = restoreEntries(pool, now, elapsed, remembered);
    this.#entries = new PoolEntries(pool, guard.window, restored);
  }

  decide(look: Look): PoolDecision {
    const { leavers } = this.#entries.follow(look);
    const round = new PoolRound(this.#parts, look, this.#entries, new Set(leavers));
    this.#judge(round, leavers);
    const decision = round.admit();
    this.#entries.noteListed(decision.servers);
    return decision;
  }

  accept(now: Instant): readonly string[] {
    const nodes: string[] = [];
    for (const entry of this.#entries.all()) {
      const { loss } = entry;
      if (loss?.phase !== "held") continue;
      nodes.push(entry.endpoint.node);
      entry.heard = true;
      if (loss.reason === "failed" || loss.reason === "refused") release(loss, now, true);
      else this.#entries.depart(now, entry);
    }
    const present = [...this.#entries.all()].filter(({ loss }) => loss === undefined);
    this.#entries.recent.forget(present.length);
    return nodes.sort(compareTexts);
  }

  memory(now: Instant): unknown {
    return this.#entries.memory(now);
  }

  /** Decides which losses are believed. */
  #judge(round: PoolRound, leavers: readonly Entry[]): void {
    const { look, lost, present } = round;
    const { guard } = this.#parts;
    const { now } = look;
    const { recent } = this.#entries;
    // Who left as planned is no more in what failures are measured by.
    if (present > 0) this.#keepLast(round, leavers);
    const doubtful = new Set(lost.filter((entry) => this.#isDoubtful(round, entry)));
    const standing = [...doubtful].filter(({ loss }) => loss.phase !== "released").length;
    // Those who joined just now count as well, or the same view would be judged otherwise next time.
    round.least = leastServers(guard, Math.max(recent.at(now), present + standing));
    const tripped = look.isolated || present < round.least;
    const fresh = [...doubtful].some(({ loss }) => loss.phase === "fresh");
    for (const entry of lost) {
      const { loss } = entry;
      const again = (fresh || look.isolated) && now < loss.at + incidentTime;
      if (!doubtful.has(entry)) {
        if (loss.phase !== "released") release(loss, now, false);
      } else if (!tripped) {
        if (loss.phase === "fresh") release(loss, now, false);
      } else if (loss.phase !== "released" || again) loss.phase = "held";
    }
    this.#limitHeld(round);
    this.#settle(round, tripped);
    if (present === 0) this.#keepLast(round, leavers);
    recent.observe(now, present + round.heldByFailure());
    round.least = leastServers(guard, recent.at(now));
  }

  /** Whether a loss may not be true: nobody accepted it, and we did not find the same. */
  #isDoubtful({ look, present }: PoolRound, { loss }: Lost): boolean {
    const { guard } = this.#parts;
    if (loss.final) return false;
    if (look.isolated || present < Math.max(1, guard.minServers)) return true;
    // Nobody in the group has known it for so long: it is gone.
    if (loss.reason === "vanished" && look.now >= loss.at + guard.window) return false;
    return !loss.confirmed;
  }

  /** The pool is never more than full; what was lost first goes first. */
  #limitHeld(round: PoolRound): void {
    const held = round.held();
    const room = Math.max(1, this.#parts.pool.maxServers - round.present);
    if (held.length <= room) return;
    held.sort((one, other) => one.loss.at - other.loss.at || compareTexts(one.key, other.key));
    for (const { loss } of held.slice(0, held.length - room)) release(loss, round.look.now, true);
  }

  /** Lets go what is held when there is enough without it and the view stood still. */
  #settle(round: PoolRound, tripped: boolean): void {
    const held = round.lost.filter(({ loss }) => loss.phase === "held");
    if (tripped || held.length === 0) {
      this.#calm = undefined;
      return;
    }
    const { now } = round.look;
    const counts = `${round.present} ${held.length}`;
    if (this.#calm?.counts !== counts) this.#calm = { counts, since: now };
    const end = this.#calm.since + this.#parts.settleLimit;
    if (now < end) {
      round.calmEnd = end;
      return;
    }
    this.#calm = undefined;
    for (const { loss } of held) release(loss, now, false);
  }

  /** Who leaves goes, unless nobody would be left and that was not asked for. */
  #keepLast(round: PoolRound, leavers: readonly Entry[]): void {
    const { look } = round;
    const kept = [...this.#entries.all()].filter(({ loss }) => loss?.reason === "left");
    const candidates = [...new Set([...kept, ...leavers])];
    const empty = round.present === 0 && round.heldByFailure() === 0;
    const last =
      empty && !this.#parts.guard.allowEmpty
        ? candidates
            .filter(
              (entry) => entry.served && (entry.loss === undefined || entry.loss.phase === "held"),
            )
            .sort(
              (one, other) =>
                preference(other) - preference(one) || compareTexts(one.key, other.key),
            )[0]
        : undefined;
    for (const entry of candidates) {
      if (entry !== last) this.#entries.depart(look.now, entry);
    }
    if (last === undefined) return;
    last.loss = {
      reason: "left",
      at: last.loss?.at ?? look.now,
      phase: "held",
      releasedAt: look.now,
      confirmed: false,
      final: false,
      counted: true,
    };
  }
}

/** Who was kept before is kept on; who has not stopped yet is better than who has. */
function preference({ loss }: Entry): number {
  if (loss?.reason === "left") return 2;
  return loss === undefined ? 1 : 0;
}
