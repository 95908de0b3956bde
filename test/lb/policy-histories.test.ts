import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { intBelow, type Random, SeededRandom } from "../../src/base/random.js";
import type { BalancerConfig, PoolConfig } from "../../src/lb/config.js";
import type { Decision } from "../../src/lb/decision.js";
import type { LbMember, Server } from "../../src/lb/model.js";
import { mostSuspects } from "../../src/lb/suspicion.js";
import { eligible, Group, plannedKinds, type Step } from "./support/histories.js";
import {
  Bench,
  edge,
  ready,
  serversOf,
  settle,
  tcpProbe,
  viewOf,
  webPool,
} from "./support/policy.js";
import "../support/seed.js";
import { seeds } from "../support/seeds.js";

const size = 12;

/** A policy that is told of a group, and what must hold whatever it is told. */
class History {
  readonly bench: Bench;
  readonly group = new Group(size);
  /** Whether services answer although gossip says that their members failed. */
  readonly answering: boolean;
  #before: Decision | undefined;
  /** What happened since the last decision that counted. */
  #since: Step["kind"][] = [];

  constructor(config: BalancerConfig, answering: boolean) {
    this.bench = new Bench(config);
    this.answering = answering;
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) this.step(step);
  }

  step(step: Step): void {
    this.group.apply(step);
    this.#since.push(step.kind);
    if (step.kind === "restart") this.bench.restart();
    else if (step.kind === "pass") this.#pass(step.millis);
    else this.#decide();
  }

  /** Everything is mended, and nothing happens for long enough. */
  settle(): Decision {
    this.group.heal();
    this.#since.push("leave");
    this.#decide();
    this.#pass(settle.settleTime);
    this.#pass(settle.settleLimit);
    this.#pass(3_600_000);
    return this.#decide();
  }

  #pass(millis: number): void {
    const end = this.bench.now + millis;
    for (let turn = 0; ; turn += 1) {
      expect(turn, "decisions about nothing").toBeLessThan(200);
      const { deadline } = this.#decide();
      const next = Math.min(end, deadline ?? end);
      this.#expectNothingBefore(next, deadline === next);
      this.bench.now = next;
      if (next === end) break;
    }
    this.#decide();
  }

  /** Time alone changes nothing before the deadline. */
  #expectNothingBefore(instant: number, exclusive: boolean): void {
    const last = exclusive ? instant - 1 : instant;
    if (last <= this.bench.now) return;
    const { desired } = this.bench.decide();
    this.bench.now = last;
    expect(JSON.stringify(this.bench.decide().desired)).toBe(JSON.stringify(desired));
  }

  #decide(): Decision {
    this.#answer();
    const { members, isolated } = this.group;
    const health = { isolated, awareness: 0 };
    const decision = this.bench.see(members, { health });
    const bytes = JSON.stringify(decision.desired);
    expect(JSON.stringify(this.bench.decide().desired), "decided again").toBe(bytes);
    const turned = this.bench.see([...members].reverse(), { health });
    expect(JSON.stringify(turned.desired), "in another order").toBe(bytes);
    this.bench.view = viewOf(members, { health });
    this.#check(decision);
    if (decision.desired.frozen) return decision;
    this.#before = decision;
    this.#since = [];
    return decision;
  }

  #answer(): void {
    this.bench.answers.clear();
    for (const { ip, status, tags } of this.group.members) {
      const answers = status === "alive" || (status === "failed" && this.answering);
      const address = `${ip}:${tags.get("port") ?? "80"}`;
      // Two may have one address, of whom one answers.
      if (answers || !this.bench.answers.has(address)) {
        this.bench.answers.set(address, answers ? "yes" : "no");
      }
    }
  }

  #check(decision: Decision): void {
    const servers = serversOf(decision);
    const told = JSON.stringify(servers.map((one) => [one.node, one.admission, one.cause]));
    const endpoints = servers.map(({ ip, port }) => `${ip} ${port}`);
    expect(new Set(endpoints).size, `an address twice: ${told}`).toBe(endpoints.length);
    const keys = servers.map(({ node, ip, port }) => `${node} ${ip} ${port}`);
    expect(keys).toEqual([...keys].sort());
    expect(servers.filter((server) => !isClean(server))).toEqual([]);
    this.#expectNotEmptied(decision, told);
    if (decision.desired.frozen) return;
    this.#expectRightful(servers, told);
    this.#expectShares(servers, told);
  }

  /** Failures, silence, suspicion, faults in tags, restarts and time never empty a pool. */
  #expectNotEmptied(decision: Decision, told: string): void {
    if (this.#before === undefined || ready(this.#before).length === 0) return;
    if (this.#since.some((kind) => plannedKinds.has(kind))) return;
    // Who is back, or is at the address now, may say at once that it must not be served.
    const served = serversOf(this.#before).filter(({ admission }) => admission === "ready");
    const mine = new Set(served.flatMap(({ node, ip, port }) => [node, `${ip}:${port}`]));
    const out = this.group.members.filter(wantsOut);
    if (
      out.some(
        ({ ip, name, tags }) => mine.has(name) || mine.has(`${ip}:${tags.get("port") ?? 80}`),
      )
    ) {
      return;
    }
    expect(ready(decision).length, `emptied by ${this.#since.join()}: ${told}`).toBeGreaterThan(0);
  }

  /** Who should be served is, at once, unless there is a reason; who should not be is not, likewise. */
  #expectRightful(servers: readonly Server[], told: string): void {
    const allowed = new Set(eligible(this.group.members));
    const causes = new Map<string, string[]>();
    for (const { node, admission, cause } of servers) {
      causes.set(node, [...(causes.get(node) ?? []), `${admission} ${cause}`]);
      if (admission !== "ready" || allowed.has(node)) continue;
      expect(["held", "disputed"], `${node} is served: ${told}`).toContain(cause);
    }
    const reasons = [
      "ready alive",
      "ready suspected",
      "drain suspected",
      "drain damped",
      "drain pending",
    ];
    for (const node of allowed) {
      const own = causes.get(node) ?? [];
      expect(
        own.filter((one) => reasons.includes(one)).length,
        `${node} is not served: ${told}`,
      ).toBe(1);
    }
  }

  #expectShares(servers: readonly Server[], told: string): void {
    const pool = this.bench.config.pools[0] ?? webPool;
    const suspected = servers.filter(({ cause }) => cause === "suspected").length;
    const there = servers.filter(
      ({ admission, cause }) => admission === "ready" || cause === "suspected",
    );
    const most = mostSuspects(there.length, pool.maxSuspects);
    expect(suspected, `suspected: ${told}`).toBeLessThanOrEqual(most);
  }
}

function isAlive({ status }: LbMember): boolean {
  return status === "alive";
}

function wantsOut({ status, tags }: LbMember): boolean {
  const state = tags.get("state") ?? "ready";
  const out = state !== "ready" || tags.get("weight") === "0" || tags.get("role") !== "web";
  return status === "alive" && out;
}

function isClean({ ip, node, port, tags, weight }: Server): boolean {
  return (
    /^web\d+$/.test(node) &&
    /^10\.\d+\.\d+\.\d+$/.test(ip) &&
    Number.isInteger(port) &&
    port > 0 &&
    port < 65_536 &&
    Number.isInteger(weight) &&
    weight >= 0 &&
    weight <= 256 &&
    [...tags].every((pair) => /^[\w.-]+=[^\s"'`#;\\{}$]*$/.test(pair.join("=")))
  );
}

const tagValues: readonly (readonly [string, readonly string[]])[] = [
  ["state", ["", "ready", "draining", "maint", "starting", "$(x)"]],
  ["role", ["web", "web", "db"]],
  ["port", ["", "81", "0", "8o", "80\nserver evil 10.6.6.6:80"]],
  ["weight", ["", "0", "7", "257", '"']],
  ["note", ["", "fine", "{{ x }}", "x".repeat(10_000)]],
];

const configs: readonly Partial<
  PoolConfig & { readonly damped: boolean; readonly share: number }
>[] = [
  { damped: true },
  { damped: false, share: 0.25 },
  { damped: true, probe: tcpProbe, onSuspect: "weight" },
  { damped: false, probe: tcpProbe, maxSuspects: 1, share: 0.9 },
  { damped: true, onSuspect: "none", share: 0 },
];

function configOf(index: number): BalancerConfig {
  const { damped, share, ...pool } = configs[index % configs.length] ?? {};
  return {
    ...edge,
    pools: [{ ...webPool, ...pool }],
    guard: { ...edge.guard, keepShare: share ?? edge.guard.keepShare },
    damping: damped === false ? undefined : edge.damping,
  };
}

const whoever = fc.nat(size - 1);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("join" as const), who: whoever }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), who: whoever }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("crash" as const), who: whoever }) },
  fc.record({ kind: fc.constant("crash-many" as const), who: whoever, count: fc.nat(size) }),
  fc.record({ kind: fc.constant("return-all" as const) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("suspect" as const), who: whoever }) },
  fc.record({ kind: fc.constant("refute" as const), who: whoever }),
  fc.record({ kind: fc.constant("move" as const), who: whoever, to: fc.nat(6) }),
  {
    weight: 2,
    arbitrary: fc
      .tuple(whoever, fc.constantFrom(...tagValues))
      .chain(([who, [tag, values]]) =>
        fc.constantFrom(...values).map((value): Step => ({ kind: "tag", who, tag, value })),
      ),
  },
  fc.record({ kind: fc.constant("reap" as const), who: whoever }),
  fc.record({ kind: fc.constant("alone" as const), is: fc.boolean() }),
  fc.record({ kind: fc.constant("restart" as const) }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      millis: fc.constantFrom(1, 50, 700, 1_000, 9_000, 61_000, 700_000),
    }),
  },
);

function stepOf(random: Random): Step {
  const who = intBelow(random, size);
  const roll = intBelow(random, 100);
  if (roll < 24) return { kind: "join", who };
  if (roll < 32) return { kind: "leave", who };
  if (roll < 48) return { kind: "crash", who };
  if (roll < 51) return { kind: "crash-many", who, count: intBelow(random, size) };
  if (roll < 54) return { kind: "return-all" };
  if (roll < 60) return { kind: "suspect", who };
  if (roll < 63) return { kind: "refute", who };
  if (roll < 67) return { kind: "move", who, to: intBelow(random, 7) };
  if (roll < 79) {
    const [tag, values] = tagValues[intBelow(random, tagValues.length)] ?? ["note", [""]];
    return { kind: "tag", who, tag, value: values[intBelow(random, values.length)] ?? "" };
  }
  if (roll < 82) return { kind: "reap", who };
  if (roll < 84) return { kind: "alone", is: roll === 82 };
  if (roll < 86) return { kind: "restart" };
  const times = [1, 50, 700, 1_000, 9_000, 61_000, 700_000];
  return { kind: "pass", millis: times[intBelow(random, times.length)] ?? 1 };
}

function expectSettled(history: History): void {
  const decision = history.settle();
  const rightful = eligible(history.group.members);
  expect(decision.desired.frozen).toBe(false);
  const alive = new Set(history.group.members.filter(isAlive).map(({ name }) => name));
  const doubtful = serversOf(decision).filter(({ cause }) => cause === "held");
  // Nothing is held any more but servers that live and whose values went wrong, or the last of all.
  if (rightful.length > 0) for (const { node } of doubtful) expect(alive).toContain(node);
  history.bench.order({ kind: "accept" });
  expect(ready(history.bench.decide())).toEqual(rightful);
}

describe("whatever happens to a group", () => {
  test("nothing is wrong on the way, and what is served in the end is what lives", () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 60 }),
        fc.nat(configs.length - 1),
        fc.boolean(),
        (steps, config, answering) => {
          const history = new History(configOf(config), answering);
          history.run(steps);
          expectSettled(history);
        },
      ),
      { numRuns: 100 },
    );
  });

  const found = [
    101, // who left in the view in which others failed was judged by another measure at the second look
    164, // of two dead members at one address the wrong one was held
    181, // a member that was only starting took an address from one that served
  ];
  test.for([...seeds(8), ...found])(
    "500 steps end as a naive look would have it (SEED=%i)",
    (seed) => {
      const random = new SeededRandom(seed);
      const history = new History(configOf(seed), seed % 2 === 0);
      for (let step = 0; step < 500; step += 1) history.step(stepOf(random));
      expectSettled(history);
    },
  );
});
