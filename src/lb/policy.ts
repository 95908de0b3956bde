import { createHash } from "node:crypto";
import { assert } from "../base/assert.js";
import { compareTexts } from "../base/compare-texts.js";
import { OperatorError } from "../base/errors.js";
import type { Instant, Millis } from "../base/units.js";
import { Candidates, rosterOf } from "./backends.js";
import type { BalancerConfig, PoolConfig } from "./config.js";
import { Damping } from "./damping.js";
import {
  type Decision,
  keyOfQuestion,
  type PolicyOrder,
  type ProbeAnswers,
  type ProbeQuestion,
} from "./decision.js";
import { ExclusivePool } from "./exclusive.js";
import { isObject } from "./json-object.js";
import type { Hold, Pool, Refusal, Server, View } from "./model.js";
import { Overrides } from "./overrides.js";
import type { Look, PoolDecision, PoolPolicy } from "./pool-decision.js";
import { SharedPool } from "./shared-pool.js";
import { oneLine } from "./values.js";
import { type SettleConfig, WarmUp } from "./warm-up.js";

/** The version of what {@link Policy.memory} gives; another one is not read. */
const memoryVersion = 1;

/**
 * What a balancer should serve, from what is known of the cluster and what was served before.
 *
 * A pure function of view, memory and time: it reads no clock and does nothing by itself. Deciding
 * again with the same view at the same instant gives the same.
 */
export class Policy {
  readonly #config: BalancerConfig;
  readonly #settle: SettleConfig;
  readonly #warmUp: WarmUp;
  readonly #damping: Damping;
  readonly #overrides = new Overrides();
  readonly #remembered: Readonly<Record<string, unknown>> | undefined;
  readonly #elapsed: Millis;
  /** By name, in the order of the configuration; empty before the first decision. */
  readonly #pools = new Map<string, PoolPolicy>();
  /** Of the last decision or order, and of the first. */
  #now: Instant = 0;
  #start: Instant = 0;

  /**
   * `remembered` is what {@link memory} gave to an earlier process, and `elapsed` how long ago that
   * was; 0 if unknown. Instants of one process mean nothing in another.
   */
  constructor(
    config: BalancerConfig,
    settle: SettleConfig,
    remembered?: unknown,
    elapsed: Millis = 0,
  ) {
    this.#config = config;
    this.#settle = settle;
    this.#warmUp = new WarmUp(settle);
    this.#damping = new Damping(config.damping);
    const known = isObject(remembered) && remembered.version === memoryVersion;
    this.#remembered = known ? remembered : undefined;
    this.#elapsed = Math.max(0, elapsed);
  }

  decide(now: Instant, view: View, probes: ProbeAnswers): Decision {
    this.#begin(now);
    this.#warmUp.look(now, view);
    const roster = rosterOf(view);
    const { endedAt } = this.#warmUp;
    const frozen = endedAt === undefined;
    const pools: Pool[] = [];
    const refused: Refusal[] = [];
    const holds: Hold[] = [];
    const questions = new Map<string, ProbeQuestion>();
    const deadlines = [this.#warmUp.deadline, this.#overrides.expire(now)];
    const lost = new Set<string>();
    for (const config of this.#config.pools) {
      const candidates = Candidates.of(config, roster);
      const decision = frozen
        ? this.#tryOut(config, this.#look(this.#start, view, probes, candidates, endedAt))
        : this.#poolOf(config).decide(this.#look(now, view, probes, candidates, endedAt));
      pools.push({ name: config.name, servers: onePerAddress(decision.servers) });
      refused.push(...candidates.refused);
      holds.push(...decision.holds, ...warmUpHold(config, frozen, decision));
      for (const one of decision.questions) {
        questions.set(keyOfQuestion(one), one);
      }
      deadlines.push(...decision.deadlines);
      for (const node of decision.lost) lost.add(node);
    }
    for (const node of [...lost].sort(compareTexts)) this.#damping.lose(now, node);
    const ahead = deadlines.filter((at) => at !== undefined).filter((at) => at > now);
    const deadline = Math.min(...ahead);
    return {
      desired: { pools, version: versionOf(pools), refused, holds, frozen },
      questions: [...questions.values()],
      deadline: Number.isFinite(deadline) ? deadline : undefined,
      damped: this.#damping.members(now),
    };
  }

  /** Carries an operator's order out and says in one line what was done. Throws OperatorError. */
  order(now: Instant, order: PolicyOrder): string {
    this.#begin(now);
    switch (order.kind) {
      case "accept":
        return this.#accept(now, order.pool);
      case "forgive":
        return this.#damping.forgive(order.node)
          ? `${oneLine(order.node)}: the penalty is forgiven`
          : `${oneLine(order.node)}: there is no penalty`;
      case "override":
        return this.#override(now, order);
    }
  }

  /** What to give to the next process as `remembered`: JSON, with times relative to the last decision. */
  memory(): unknown {
    if (this.#pools.size === 0) return this.#remembered;
    const pools = Array.from(this.#pools, ([name, pool]) => [name, pool.memory(this.#now)]);
    return {
      version: memoryVersion,
      pools: Object.fromEntries(pools),
      damping: this.#damping.memory(this.#now),
      overrides: this.#overrides.memory(this.#now),
    };
  }

  /** Only now is it known what instants are like here. */
  #begin(now: Instant): void {
    this.#now = now;
    if (this.#pools.size > 0) return;
    this.#start = now;
    this.#damping.restore(now, this.#elapsed, this.#remembered?.damping);
    this.#overrides.restore(now, this.#elapsed, this.#remembered?.overrides);
    const pools = this.#remembered?.pools;
    for (const pool of this.#config.pools) {
      const remembered = isObject(pools) ? pools[pool.name] : undefined;
      this.#pools.set(pool.name, this.#build(pool, now, this.#elapsed, remembered));
    }
  }

  #poolOf(config: PoolConfig): PoolPolicy {
    const pool = this.#pools.get(config.name);
    assert(pool !== undefined, "a pool is built before it decides");
    return pool;
  }

  /**
   * Before there is a view a pool decides on trial, for people to see: nothing of it is remembered, and
   * no time passes for it.
   */
  #tryOut(config: PoolConfig, look: Look): PoolDecision {
    const trial = this.#build(config, look.now, 0, this.#poolOf(config).memory(look.now));
    const decision = trial.decide(look);
    const holds = decision.holds.map((hold) => ({ ...hold, until: undefined }));
    return { ...decision, holds, deadlines: [], lost: [] };
  }

  #build(pool: PoolConfig, now: Instant, elapsed: Millis, remembered: unknown): PoolPolicy {
    const { guard } = this.#config;
    if (pool.exclusive !== undefined) {
      const { noPrimary } = pool.exclusive;
      return new ExclusivePool({ pool, guard, noPrimary }, now, elapsed, remembered);
    }
    const { settleLimit } = this.#settle;
    return new SharedPool({ pool, guard, settleLimit }, now, elapsed, remembered);
  }

  #look(
    now: Instant,
    view: View,
    probes: ProbeAnswers,
    candidates: Candidates,
    settledAt: Instant | undefined,
  ): Look {
    const { awareness, isolated } = view.health;
    const heardBy =
      settledAt === undefined ? Number.POSITIVE_INFINITY : settledAt + this.#settle.settleLimit;
    return {
      now,
      candidates,
      isolated,
      awareness,
      probes,
      damping: this.#damping,
      override: (node) => this.#overrides.of(node),
      heardBy,
    };
  }

  #accept(now: Instant, only: string | undefined): string {
    if (only !== undefined && !this.#pools.has(only)) {
      const known = [...this.#pools.keys()].join(", ");
      throw new OperatorError(`there is no pool ${oneLine(only, 40)}; there are: ${known}`);
    }
    const done = [...this.#pools].flatMap(([name, pool]) => {
      const nodes = only === undefined || only === name ? pool.accept(now) : [];
      return nodes.length === 0 ? [] : [`${name}: ${nodes.length} let go (${nodes.join(", ")})`];
    });
    return done.length === 0 ? "nothing is held" : oneLine(done.join("; "), 500);
  }

  #override(now: Instant, order: Extract<PolicyOrder, { kind: "override" }>): string {
    const { admission, node, until } = order;
    if (admission === "none") {
      return this.#overrides.remove(node)
        ? `${oneLine(node)}: the override is taken back`
        : `${oneLine(node)}: there is no override`;
    }
    this.#overrides.set(now, node, admission, until);
    const end = until === undefined ? "until it is taken back" : `for ${until - now} ms`;
    return `${node}: ${admission}, ${end}`;
  }
}

function warmUpHold(
  { name }: PoolConfig,
  frozen: boolean,
  { holds }: PoolDecision,
): readonly Hold[] {
  if (!frozen || holds.some(({ kind }) => kind === "warm-up")) return [];
  const reason = "nothing is written before the agent has joined and the members stand still";
  return [{ pool: name, kind: "warm-up", nodes: [], reason, until: undefined }];
}

/**
 * Sorted, and one server per address: of several dead ones it is open who was there last, and what is
 * done to one is done to all.
 */
function onePerAddress(servers: readonly Server[]): readonly Server[] {
  const sorted = [...servers].sort(compareServers);
  const best = new Map<string, Server>();
  for (const server of sorted) {
    const address = `${server.ip} ${server.port}`;
    const before = best.get(address);
    if (before === undefined || rank(server) < rank(before)) best.set(address, server);
  }
  return best.size === sorted.length
    ? sorted
    : sorted.filter((one) => best.get(`${one.ip} ${one.port}`) === one);
}

function rank({ admission }: Server): number {
  return ["ready", "drain", "out"].indexOf(admission);
}

function compareServers(one: Server, other: Server): number {
  return (
    compareTexts(one.node, other.node) || compareTexts(one.ip, other.ip) || one.port - other.port
  );
}

/**
 * The same for the same pools, in whatever order tags were set. No value contains a blank or a line's
 * end, so the text is as unambiguous as JSON, which takes three times as long.
 */
function versionOf(pools: readonly Pool[]): string {
  const texts = new Map<ReadonlyMap<string, string>, string>();
  const hash = createHash("sha256");
  for (const { name, servers } of pools) {
    let text = `${JSON.stringify(name)}\n`;
    for (const { node, ip, port, weight, admission, cause, tags } of servers) {
      let tagText = texts.get(tags);
      if (tagText === undefined) {
        tagText = Array.from(tags, (pair) => pair.join("="))
          .sort()
          .join(" ");
        texts.set(tags, tagText);
      }
      text += `${node} ${ip} ${port} ${weight} ${admission} ${cause} ${tagText}\n`;
    }
    hash.update(text);
  }
  return hash.digest("hex").slice(0, 12);
}
