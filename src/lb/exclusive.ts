import { compareTexts } from "../base/compare-texts.js";
import type { Instant, Millis } from "../base/units.js";
import { type Candidate, type Endpoint, keyOf } from "./backends.js";
import type { GuardConfig, PoolConfig } from "./config.js";
import type { ProbeQuestion } from "./decision.js";
import { isObject } from "./json-object.js";
import { numberIn } from "./memory.js";
import type { Admission, Cause, Hold, Server } from "./model.js";
import {
  type Look,
  lingerFor,
  type PoolDecision,
  type PoolPolicy,
  patienceFor,
  serverOf,
} from "./pool-decision.js";
import { readEndpoint, wishUnder } from "./pool-entries.js";

export interface ExclusivePoolParts {
  readonly pool: PoolConfig;
  readonly guard: GuardConfig;
  readonly noPrimary: "hold" | "refuse";
}

/** The one server that is served, or was last. */
interface Primary {
  endpoint: Endpoint;
  /** Since when its member claims to be the primary no more; undefined: it does. */
  lostAt: Instant | undefined;
  /** It went as planned: it is not kept, but is out before another is ready. */
  gone: boolean;
}

/** Who claims to be the primary, and what is wrong with that. */
interface Election {
  readonly winner: Candidate | undefined;
  readonly problem: string | undefined;
}

/**
 * A pool of which at most one server is ready, such as the primary of a database: writes that reach two
 * are worse than writes that reach none (loadbalancer.md section 3.9).
 *
 * Gossip gives no lease. What decides is the number that whoever promoted it wrote into its tag; where
 * it decides nothing, nothing changes and people are told. Neither suspicion nor damping moves a
 * primary, and the guard against mass losses is `no_primary`.
 */
export class ExclusivePool implements PoolPolicy {
  readonly #parts: ExclusivePoolParts;
  #current: Primary | undefined;
  /** Servers before the current one, and until when they are listed as out; at most {@link maxRetired}. */
  readonly #retired = new Map<string, { readonly endpoint: Endpoint; readonly until: Instant }>();
  /** Since when failed members are known to have failed; as many as there are among the candidates. */
  #failed: ReadonlyMap<string, Instant> = new Map();

  constructor(parts: ExclusivePoolParts, now: Instant, elapsed: Millis, remembered: unknown) {
    this.#parts = parts;
    if (!isObject(remembered)) return;
    const endpoint = readEndpoint(remembered.current);
    const lostAgo = numberIn(remembered.lostAgo, 0, Number.MAX_SAFE_INTEGER);
    const lostAt = lostAgo === undefined ? undefined : now - elapsed - lostAgo;
    const gone = remembered.gone === true;
    if (endpoint !== undefined) this.#current = { endpoint, lostAt, gone };
  }

  decide(look: Look): PoolDecision {
    const { now, candidates } = look;
    const holds: Hold[] = [];
    const questions: ProbeQuestion[] = [];
    const deadlines: Instant[] = [];
    const servers = new Map<string, Server>();
    this.#noteFailed(look);
    const { winner, problem } = this.#elect(look);
    if (winner !== undefined) {
      this.#promote(now, winner);
      const cause = look.override(winner.node) === "ready" ? "overridden" : "alive";
      servers.set(keyOf(winner), serverOf(winner, "ready", cause));
    } else {
      const kept = this.#keep(look, questions, deadlines);
      if (kept !== undefined) {
        servers.set(keyOf(kept), kept);
        if (kept.cause === "held") {
          const reason =
            problem ?? "no member claims to be the primary: the last one is kept until one does";
          holds.push(this.#hold([kept.node], reason));
        }
      }
    }
    if (problem !== undefined && holds.length === 0) {
      holds.push(
        this.#hold(
          claimants(look).map(({ node }) => node),
          problem,
        ),
      );
    }
    for (const [key, candidate] of candidates.byKey) {
      if (!servers.has(key)) this.#listOther(look, key, candidate, servers, deadlines);
    }
    this.#listRetired(look, servers, deadlines);
    return { servers: [...servers.values()], holds, questions, deadlines, lost: [] };
  }

  accept(now: Instant): readonly string[] {
    const current = this.#current;
    if (current?.lostAt === undefined || current.gone) return [];
    this.#retire(now, current.endpoint);
    this.#current = undefined;
    return [current.endpoint.node];
  }

  memory(now: Instant): unknown {
    if (this.#current === undefined) return {};
    const { endpoint, gone, lostAt } = this.#current;
    const { node, ip, port, weight, tags } = endpoint;
    const current = { node, ip, port, weight, tags: Object.fromEntries(tags) };
    return lostAt === undefined ? { current, gone } : { current, gone, lostAgo: now - lostAt };
  }

  #elect(look: Look): Election {
    const claims = claimants(look);
    const forced = claims.find(({ node }) => look.override(node) === "ready");
    if (forced !== undefined) return { winner: forced, problem: undefined };
    if (claims.length < 2) return { winner: claims[0], problem: undefined };
    const { epochTag } = this.#parts.pool.exclusive ?? { epochTag: "" };
    const highest = Math.max(...claims.map(({ epoch }) => epoch ?? 0));
    const top = claims.filter(({ epoch }) => epoch === highest);
    const [winner] = top;
    if (top.length === 1 && claims.every(({ epoch }) => epoch !== undefined)) {
      return { winner, problem: undefined };
    }
    const current = this.#current === undefined ? undefined : keyOf(this.#current.endpoint);
    const incumbent = claims.find((claim) => keyOf(claim) === current);
    const outcome =
      incumbent === undefined ? "none of them is served" : `${incumbent.node} stays as it was`;
    return {
      winner: incumbent,
      problem: `${claims.length} members claim to be the primary and no highest ${epochTag} decides it: ${outcome}`,
    };
  }

  #promote(now: Instant, winner: Candidate): void {
    const before = this.#current?.endpoint;
    if (before !== undefined && keyOf(before) !== keyOf(winner)) this.#retire(now, before);
    this.#retired.delete(keyOf(winner));
    this.#current = { endpoint: winner, lostAt: undefined, gone: false };
  }

  #retire(now: Instant, endpoint: Endpoint): void {
    const until = now + lingerFor(this.#parts.pool.drainLimit);
    this.#retired.delete(keyOf(endpoint));
    this.#retired.set(keyOf(endpoint), { endpoint, until });
    for (const oldest of this.#retired.keys()) {
      if (this.#retired.size <= maxRetired) break;
      this.#retired.delete(oldest);
    }
  }

  /** What remains of the last primary when nobody takes its place; undefined: it goes as in a drain. */
  #keep(look: Look, questions: ProbeQuestion[], deadlines: Instant[]): Server | undefined {
    const current = this.#current;
    if (current === undefined || current.gone) return undefined;
    const { candidates, heardBy, isolated, now, probes } = look;
    const { endpoint } = current;
    const { noPrimary, pool, guard } = this.#parts;
    const candidate = candidates.byKey.get(keyOf(endpoint));
    const whereabouts = candidates.whereabouts(endpoint.node);
    if (candidate === undefined && candidates.isTaken(endpoint)) {
      this.#current = undefined;
      return undefined;
    }
    const failed =
      candidate === undefined ? whereabouts === "failed" : wishUnder(look, candidate) === "failed";
    // Somebody wants it out: itself, its operator or ours.
    const asked =
      candidate === undefined
        ? whereabouts === "left"
        : !failed && wishUnder(look, candidate) !== "ready";
    if (asked) {
      current.gone = true;
      return undefined;
    }
    current.lostAt ??= now;
    const held = serverOf(endpoint, "ready", "held");
    if (isolated || noPrimary === "hold") return held;
    if (whereabouts === "vanished" && now < heardBy) {
      deadlines.push(heardBy);
      return held;
    }
    if (!failed) return whereabouts === "refused" ? held : undefined;
    const limit = current.lostAt + guard.disputeLimit;
    if (pool.probe === undefined || now >= limit) return undefined;
    const question = { ip: endpoint.ip, port: endpoint.port, probe: pool.probe };
    questions.push(question);
    const answer = probes.answer(question);
    const patience = current.lostAt + patienceFor(pool.probe);
    if (answer === "no" || (answer === "unknown" && now >= patience)) return undefined;
    deadlines.push(answer === "yes" ? limit : Math.min(patience, limit));
    return answer === "yes"
      ? serverOf(endpoint, "ready", "disputed")
      : serverOf(endpoint, "drain", "failed");
  }

  /** Candidates that are not served. Beside a winner they are out, so that there are never two. */
  #listOther(
    look: Look,
    key: string,
    candidate: Candidate,
    servers: Map<string, Server>,
    deadlines: Instant[],
  ): void {
    const contested = [...servers.values()].some(({ admission }) => admission === "ready");
    const put = (admission: Admission, cause: Cause): void => {
      servers.set(key, serverOf(candidate, admission, cause));
    };
    const wish = wishUnder(look, candidate);
    const override = look.override(candidate.node);
    if (wish === "failed") {
      const end = (this.#failed.get(key) ?? look.now) + lingerFor(this.#parts.pool.drainLimit);
      if (look.now >= end) return;
      deadlines.push(end);
      put("out", "failed");
    } else if (wish === "ready") put("out", "rival");
    else if (contested || override === "out")
      put("out", override === "out" ? "overridden" : "rival");
    else put("drain", override === "drain" ? "overridden" : wish);
  }

  #listRetired(look: Look, servers: Map<string, Server>, deadlines: Instant[]): void {
    for (const [key, { endpoint, until }] of this.#retired) {
      if (look.now >= until) {
        this.#retired.delete(key);
        continue;
      }
      deadlines.push(until);
      if (servers.has(key) || look.candidates.isTaken(endpoint)) continue;
      servers.set(key, serverOf(endpoint, "out", "rival"));
    }
  }

  #noteFailed(look: Look): void {
    const failed = new Map<string, Instant>();
    for (const [key, candidate] of look.candidates.byKey) {
      if (wishUnder(look, candidate) !== "failed") continue;
      failed.set(key, this.#failed.get(key) ?? look.now);
    }
    this.#failed = failed;
  }

  #hold(nodes: readonly string[], reason: string): Hold {
    const { name } = this.#parts.pool;
    const sorted = [...nodes].sort(compareTexts);
    return { pool: name, kind: "no single primary", nodes: sorted, reason, until: undefined };
  }
}

/** More are not remembered; a primary changes more rarely than that. */
const maxRetired = 8;

/** Who claims to be the primary, in the order of names. */
function claimants(look: Look): readonly Candidate[] {
  return [...look.candidates.byKey.values()].filter(
    (candidate) => wishUnder(look, candidate) === "ready",
  );
}
