import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Drains, type PlannedPool, planSlots } from "../../src/lb/haproxy/runtime-plan.js";
import {
  identityOf,
  namedLines,
  parseServerLines,
  type ServerLine,
} from "../../src/lb/haproxy/server-lines.js";
import { assignSlots } from "../../src/lb/haproxy/slots.js";
import type { Admission, Cause, Observation, ServedServer, Server } from "../../src/lb/model.js";
import { HaproxyModel } from "./support/haproxy-model.js";
import "../support/seed.js";

/** `web1 10.0.0.1`, or `web1 10.0.0.1 drain suspected 50`. */
function member(text: string): Server {
  const [node = "", ip = "", admission = "ready", cause = "alive", weight = "100"] =
    text.split(" ");
  return {
    ...{ node, ip, port: 80, weight: Number(weight), tags: new Map() },
    admission: admission as Admission,
    cause: cause as Cause,
  };
}

/** `s01 10.0.0.1 ready 3 1`: state, in use, idle. */
function running(text: string): ServedServer {
  const [name = "", ip = "", state = "ready", inUse = "0", idle = "0"] = text.split(" ");
  return {
    ...{ pool: "web", name, node: undefined, ip, port: ip === "127.0.0.1" ? 1 : 80, weight: 100 },
    ...{ state: state as "ready", up: true, inUse: Number(inUse), idle: Number(idle) },
  };
}

interface Situation {
  readonly members?: readonly string[];
  readonly lines?: readonly string[];
  readonly served?: readonly string[];
  readonly exclusive?: boolean;
  readonly drains?: Drains;
  readonly now?: number;
}

function plan({
  members = [],
  lines = [],
  served = [],
  exclusive = false,
  drains,
  now = 0,
}: Situation) {
  const pool: PlannedPool = {
    ...{
      pool: "web",
      backend: "be",
      lines: parseServerLines(lines),
      exclusive,
      drainLimit: 10_000,
    },
    desired: { name: "web", servers: members.map(member) },
  };
  return planSlots(now, [pool], observation(served.map(running)), drains ?? new Map());
}

function observation(servers: readonly ServedServer[]): Observation {
  return { at: 0, trouble: undefined, process: "1@1", servers, lingering: 0 };
}

function commands(situation: Situation): readonly string[] {
  return plan(situation).steps.flatMap((step) => step.commands);
}

const web1 = "server s01 10.0.0.1:80 weight 100 # web1";
const web2 = "server s02 10.0.0.2:80 weight 100 # web2";
const gone1 = "server s01 10.0.0.1:80 weight 100 disabled # web1";
const free1 = "server s01 127.0.0.1:1 disabled";

describe("a server", () => {
  test.for<[string, Situation, readonly string[]]>([
    [
      "joins by an address while in maintenance, then by being ready",
      { members: ["web1 10.0.0.1"], lines: [web1], served: ["s01 127.0.0.1 maint"] },
      ["set server be/s01 addr 10.0.0.1 port 80", "set server be/s01 state ready"],
    ],
    [
      "joins with its weight, absolute",
      { members: ["web1 10.0.0.1 ready alive 7"], lines: [web1], served: ["s01 127.0.0.1 maint"] },
      [
        "set server be/s01 addr 10.0.0.1 port 80",
        "set server be/s01 weight 7",
        "set server be/s01 state ready",
      ],
    ],
    ["stays", { members: ["web1 10.0.0.1"], lines: [web1], served: ["s01 10.0.0.1"] }, []],
    [
      "changes its weight",
      { members: ["web1 10.0.0.1 ready alive 0"], lines: [web1], served: ["s01 10.0.0.1"] },
      ["set server be/s01 weight 0"],
    ],
    [
      "comes back from a drain",
      { members: ["web1 10.0.0.1"], lines: [web1], served: ["s01 10.0.0.1 drain 4"] },
      ["set server be/s01 state ready"],
    ],
    [
      "comes back from maintenance at its address without a new one",
      { members: ["web1 10.0.0.1"], lines: [web1], served: ["s01 10.0.0.1 maint 0 1"] },
      ["set server be/s01 state ready"],
    ],
    [
      "leaves by a drain",
      { lines: [gone1], served: ["s01 10.0.0.1 ready 3"] },
      ["set server be/s01 state drain"],
    ],
    [
      "that is drained goes to maintenance",
      { lines: [gone1], served: ["s01 10.0.0.1 drain 0 1"] },
      ["set server be/s01 state maint"],
    ],
    [
      "that is drained and in maintenance rests",
      { lines: [gone1], served: ["s01 10.0.0.1 maint"] },
      [],
    ],
    [
      "that has gone leaves a free slot",
      { lines: [free1], served: ["s01 10.0.0.1 maint"] },
      ["set server be/s01 addr 127.0.0.1 port 1"],
    ],
    [
      "that is to drain although it is in the pool drains",
      { members: ["web1 10.0.0.1 drain draining"], lines: [gone1], served: ["s01 10.0.0.1"] },
      ["set server be/s01 state drain"],
    ],
    [
      "that is out gets nothing at once and its sessions end",
      { members: ["web1 10.0.0.1 out failed"], lines: [gone1], served: ["s01 10.0.0.1 ready 2"] },
      ["set server be/s01 state maint", "shutdown sessions server be/s01"],
    ],
    [
      "in a slot that the file gives to another is emptied first",
      {
        members: ["web1 10.0.0.1", "web2 10.0.0.2"],
        lines: [web1, web2],
        served: ["s01 10.0.0.9 ready 1", "s02 10.0.0.2"],
      },
      ["set server be/s01 state drain"],
    ],
    [
      "of a slot that the file does not have leaves as well",
      { members: ["web2 10.0.0.2"], lines: [web2], served: ["s01 10.0.0.1", "s02 10.0.0.2"] },
      ["set server be/s01 state drain"],
    ],
    [
      "that is none of ours is left alone",
      { members: ["web2 10.0.0.2"], lines: [web2], served: ["sorry 10.0.0.1", "s02 10.0.0.2"] },
      [],
    ],
  ])("%s", ([, situation, expected]) => {
    expect(commands(situation)).toEqual(expected);
    expect(plan(situation).waits).toEqual([]);
  });
});

describe("a drain", () => {
  const draining = { lines: [gone1], served: ["s01 10.0.0.1 drain 3"] };

  test("waits for what is under way, and looks again soon", () => {
    const { steps, waits, lookAgain } = plan(draining);
    expect(steps).toEqual([]);
    expect(waits).toEqual(["web/s01: 3 requests under way"]);
    expect(lookAgain).toBe(20);
  });

  test("is looked at less often as it takes longer, and at its limit", () => {
    const drains = plan(draining).drains;
    expect(plan({ ...draining, drains, now: 1_000 }).lookAgain).toBe(50);
    expect(plan({ ...draining, drains, now: 9_000 }).lookAgain).toBe(250);
    expect(plan({ ...draining, drains, now: 9_990 }).lookAgain).toBe(10);
  });

  test("ends by force at its limit", () => {
    const { drains } = plan({ ...draining, served: ["s01 10.0.0.1 ready 3"] });
    expect(commands({ ...draining, drains, now: 10_000 })).toEqual([
      "set server be/s01 state maint",
      "shutdown sessions server be/s01",
    ]);
  });

  test("that begins anew has all its time anew", () => {
    const { drains } = plan(draining);
    const again = { members: ["web1 10.0.0.1"], lines: [web1], served: ["s01 10.0.0.1"] };
    expect(plan({ ...again, drains, now: 9_000 }).drains.size).toBe(0);
  });

  test("of sessions that do not end is told again once a second", () => {
    const out = { members: ["web1 10.0.0.1 out failed"], lines: [gone1] };
    const first = plan({ ...out, served: ["s01 10.0.0.1 ready 2"] });
    const stuck = { ...out, served: ["s01 10.0.0.1 maint 2"] };
    const second = plan({ ...stuck, drains: first.drains, now: 20 });
    expect(second.steps).toEqual([]);
    const third = plan({ ...stuck, drains: second.drains, now: 1_000 });
    expect(third.steps.map(({ words }) => words)).toEqual([
      "web/s01: end sessions (web1, 2 requests under way)",
    ]);
    expect(plan({ ...stuck, drains: third.drains, now: 1_020 }).steps).toEqual([]);
    expect(plan({ ...stuck, drains: third.drains, now: 2_000 }).steps).toHaveLength(1);
  });
});

describe("the order", () => {
  const swap = {
    members: ["web2 10.0.0.2"],
    lines: [gone1, web2],
    served: ["s01 10.0.0.1 ready 1", "s02 127.0.0.1 maint"],
  };

  test("is those that come before those that go", () => {
    expect(plan(swap).steps.map(({ words }) => words)).toEqual([
      "web/s02: ready (web2, alive)",
      "web/s01: drain (web1, gone)",
    ]);
  });

  test("is the other way round where there must be one at most, and at once", () => {
    expect(commands({ ...swap, exclusive: true })).toEqual([
      "set server be/s01 state maint",
      "shutdown sessions server be/s01",
      "set server be/s02 addr 10.0.0.2 port 80",
      "set server be/s02 state ready",
    ]);
  });

  test.for([
    ["draining", "drain"],
    ["suspected", "drain"],
    ["failed", "out"],
  ])("is the same where the one before is %s", ([cause, admission]) => {
    const members = [`web1 10.0.0.1 ${admission} ${cause}`, "web2 10.0.0.2"];
    const { steps } = plan({ ...swap, members, exclusive: true });
    expect(steps.map(({ commands: [first] }) => first)).toEqual([
      "set server be/s01 state maint",
      "set server be/s02 addr 10.0.0.2 port 80",
    ]);
    // One batch, whichever it is.
    expect(new Set(steps.map(({ urgent }) => urgent)).size).toBe(1);
  });

  test("of an exclusive pool without a successor is a drain in peace", () => {
    const members = ["web1 10.0.0.1 drain draining"];
    expect(commands({ ...swap, members, exclusive: true, lines: [gone1] })).toEqual([
      "set server be/s01 state drain",
    ]);
  });

  test("is what concerns the dead first, before the file", () => {
    const { steps } = plan({
      members: ["web1 10.0.0.1 drain suspected", "web2 10.0.0.2", "web3 10.0.0.3 ready alive 5"],
      lines: [gone1, web2, "server s03 10.0.0.3:80 weight 5 # web3"],
      served: ["s01 10.0.0.1 ready 1", "s02 10.0.0.2", "s03 10.0.0.3"],
    });
    expect(steps.map(({ words, urgent }) => `${urgent} ${words}`)).toEqual([
      "true web/s01: drain (web1, suspected)",
      "false web/s03: weight 5 (web3, alive)",
    ]);
  });

  test("takes a successor along when the dead one is the last", () => {
    const members = ["web1 10.0.0.1 out failed", "web2 10.0.0.2"];
    expect(
      plan({ ...swap, members }).steps.map(({ words, urgent }) => `${urgent} ${words}`),
    ).toEqual(["true web/s02: ready (web2, alive)", "true web/s01: out (web1, failed)"]);
  });
});

describe("a reload is needed", () => {
  const serving = { members: ["web1 10.0.0.1"], lines: [web1], served: ["s01 10.0.0.1"] };

  test("when the running process has too few slots, and what fits goes at once", () => {
    const { reload, steps } = plan({
      members: ["web1 10.0.0.1", "web2 10.0.0.2"],
      lines: [web1, web2],
      served: ["s01 127.0.0.1 maint"],
    });
    expect(reload).toBe("web: no slot in the running process for 1 server");
    expect(steps).toHaveLength(1);
  });

  test("when free slots are missing, too", () => {
    const { reload } = plan({ ...serving, lines: [web1, "server s02 127.0.0.1:1 disabled"] });
    expect(reload).toBe("web: 1 of 2 slots of the file are not in the running process");
  });

  test("when the only servers that are ready would have to be emptied for their successors", () => {
    const { reload, steps, waits } = plan({ ...serving, served: ["s01 10.0.0.9 ready 1"] });
    expect(reload).toBe("web: the only servers that are ready must change their addresses");
    expect(steps).toEqual([]);
    expect(waits).toEqual(["web/s01: drains once another server is ready"]);
  });

  test("before the last one drains for the sake of one that has no slot yet", () => {
    const { steps, reload } = plan({
      members: ["web2 10.0.0.2"],
      lines: [gone1, web2],
      served: ["s01 10.0.0.1 ready 1"],
    });
    expect(steps).toEqual([]);
    expect(reload).toContain("no slot");
  });

  test("never when nothing is wrong", () => {
    expect(plan(serving).reload).toBeUndefined();
  });
});

test("a proxy that cannot be asked is left alone", () => {
  const trouble = "runtime socket /run/s: not there";
  const nothing = { ...observation([]), trouble };
  expect(planSlots(0, [], nothing, new Map([["k", 1]]))).toEqual({
    ...{ steps: [], reload: undefined, waits: [trouble], lookAgain: undefined },
    drains: new Map([["k", 1]]),
  });
});

/** One round of the engine's, on the model: assign, plan, reload if need be, perform. */
class Balancer {
  lines: readonly ServerLine[];
  readonly model: HaproxyModel;
  readonly gaps: string[] = [];
  readonly #exclusive: boolean;
  readonly #dynamic: boolean;
  #drains: Drains = new Map();
  reloads = 0;

  constructor({ exclusive = false, dynamic = false } = {}) {
    this.#exclusive = exclusive;
    this.#dynamic = dynamic;
    this.lines = parseServerLines(["server s01 127.0.0.1:1 disabled"]);
    this.model = new HaproxyModel("be", this.lines);
  }

  /** True if nothing is left to do. */
  round(servers: readonly Server[]): boolean {
    const desired = { name: "web", servers };
    const before = this.model.observed("web", this.lines);
    const assigned = this.#dynamic
      ? namedLines(servers, "check", true, this.lines)
      : assignSlots({
          ...{ pool: desired, lines: this.lines, served: before, slots: 2, options: "" },
          ...{ mayShrink: false, rest: 0 },
        });
    const same = JSON.stringify(assigned) === JSON.stringify(this.lines);
    this.lines = assigned;
    const observed = this.model.observed("web", assigned);
    const { steps, reload, waits, drains } = planSlots(
      this.model.now,
      [
        {
          ...{ pool: "web", backend: "be", lines: assigned, desired },
          ...{ exclusive: this.#exclusive, drainLimit: 1_000 },
          ...(this.#dynamic ? { dynamic: { defaults: "" } } : {}),
        },
      ],
      observation(observed),
      this.#drains,
    );
    this.#drains = drains;
    const from = this.model.usable().length;
    this.model.ready.length = 0;
    this.model.run(steps.flatMap((step) => step.commands));
    const to = this.model.usable().length;
    const forced = steps.some((step) => step.commands.some((one) => one.startsWith("shutdown")));
    const wanted = servers.some(({ admission, weight }) => admission === "ready" && weight > 0);
    const some = from > 0 && (to > 0 || (wanted && !forced));
    if (some && !this.#exclusive && this.model.ready.includes(0)) {
      this.gaps.push(steps.map(({ words }) => words).join(", "));
    }
    if (this.#exclusive && this.model.ready.some((count) => count > 1))
      this.gaps.push("two at once");
    if (reload !== undefined) {
      this.model.load(assigned);
      this.reloads += 1;
    }
    return same && steps.length === 0 && waits.length === 0 && reload === undefined;
  }
}

const anyMembers = fc.uniqueArray(
  fc.record({
    node: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    last: fc.integer({ min: 1, max: 3 }),
    admission: fc.constantFrom<Admission>("ready", "ready", "ready", "drain", "out"),
    weight: fc.constantFrom("100", "100", "5", "0"),
  }),
  { selector: ({ node, last }) => `${node} ${last}` },
);

type Happening =
  | { readonly kind: "members"; readonly servers: readonly Server[] }
  | { readonly kind: "begin" | "end"; readonly choice: number }
  | { readonly kind: "round"; readonly after: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 1,
    arbitrary: anyMembers.map((members): Happening => {
      const servers = members.map(({ node, last, admission, weight }) =>
        member(`${node} 10.0.${node.charCodeAt(0)}.${last} ${admission} alive ${weight}`),
      );
      return { kind: "members", servers };
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("begin" as const, "end" as const),
      choice: fc.nat(9),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("round" as const), after: fc.nat(400) }) },
);

/** `onlyOne`: as policy has it for an exclusive pool. */
function live(balancer: Balancer, happenings: readonly Happening[], onlyOne: boolean): void {
  let servers: readonly Server[] = [];
  for (const one of happenings) {
    if (one.kind === "members") servers = onlyOne ? withOneReady(one.servers) : one.servers;
    else if (one.kind === "round") {
      balancer.model.now += one.after;
      balancer.round(servers);
    } else balancer.model[one.kind](one.choice);
  }
  // From now on all stands still, and even what is under way stays so: the limit ends it.
  let rounds = 0;
  while (!balancer.round(servers)) {
    balancer.model.now += 250;
    rounds += 1;
    expect(rounds).toBeLessThan(30);
  }
  const { model, lines } = balancer;
  const ready = model.observed("web", lines).filter(({ state }) => state === "ready");
  expect(ready.map(identityOf).sort()).toEqual(
    servers
      .filter(({ admission }) => admission === "ready")
      .map(identityOf)
      .sort(),
  );
  for (const { name, ip, port, disabled } of lines) {
    const state = disabled ? "maint" : "ready";
    expect(model.servers.get(name)).toMatchObject({ ip, port, state });
  }
}

function withOneReady(servers: readonly Server[]): readonly Server[] {
  const first = servers.find(({ admission }) => admission === "ready");
  return servers.map((server) =>
    server.admission !== "ready" || server === first ? server : { ...server, admission: "drain" },
  );
}

test("however members and requests change, the file's state is reached, without a gap or a live slot moved", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const balancer = new Balancer();
      live(balancer, happenings, false);
      expect(balancer.model.mistakes).toEqual([]);
      expect(balancer.gaps).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test("an exclusive pool reaches it as well, and never has two", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const balancer = new Balancer({ exclusive: true });
      live(balancer, happenings, true);
      expect(balancer.model.mistakes).toEqual([]);
      expect(balancer.gaps).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test("servers that are added and deleted reach it as well, and none is deleted with a connection", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), fc.boolean(), (happenings, exclusive) => {
      const balancer = new Balancer({ exclusive, dynamic: true });
      live(balancer, happenings, exclusive);
      expect(balancer.model.mistakes).toEqual([]);
      expect(balancer.gaps).toEqual([]);
      expect(balancer.reloads).toBe(0);
      expect([...balancer.model.servers.keys()].sort()).toEqual(
        balancer.lines.map(({ name }) => name).sort(),
      );
    }),
    { numRuns: 300 },
  );
});

describe("a server that is added", () => {
  const line = "server web1-00aa 10.0.0.1:80 id 7 weight 5 check fall 3 # web1";

  function dynamicPlan(situation: Situation, defaults = "") {
    const { members = [], lines = [], served = [] } = situation;
    const pool: PlannedPool = {
      ...{ pool: "web", backend: "be", lines: parseServerLines(lines), exclusive: false },
      ...{ drainLimit: 10_000, dynamic: { defaults } },
      desired: { name: "web", servers: members.map(member) },
    };
    return planSlots(0, [pool], observation(served.map(running)), situation.drains ?? new Map());
  }

  test("gets everything that the file would give it, and its checks before it is ready", () => {
    const joining = { members: ["web1 10.0.0.1 ready alive 5"], lines: [line] };
    const { steps } = dynamicPlan(joining, "inter 1s fall 2 weight 100");
    expect(steps.flatMap((step) => step.commands)).toEqual([
      "add server be/web1-00aa 10.0.0.1:80 id 7 inter 1s fall 2 weight 100 check fall 3 weight 5 pool-purge-delay 5s pool-max-conn -1",
      "enable health be/web1-00aa",
      "set server be/web1-00aa state ready",
    ]);
  });

  test("waits for a reload if it has what only the file can give", () => {
    const joining = { members: ["web1 10.0.0.1 ready alive 5"], lines: [line] };
    for (const defaults of ["init-addr none", "resolvers dns", 'check-sni "a;b"']) {
      const { steps, reload } = dynamicPlan(joining, defaults);
      expect(steps).toEqual([]);
      expect(reload).toMatch(/^web: only the file can give a server the option/);
    }
  });

  test.for([
    ["drains first", "web1-00aa 10.0.0.1 ready 0", ["set server be/web1-00aa state drain"]],
    [
      "is in maintenance then",
      "web1-00aa 10.0.0.1 drain 0",
      ["set server be/web1-00aa state maint"],
    ],
    ["is deleted then", "web1-00aa 10.0.0.1 maint 0", ["del server be/web1-00aa"]],
    ["is not deleted while anything is under way", "web1-00aa 10.0.0.1 maint 1", []],
    [
      "loses forgotten connections before",
      "web1-00aa 10.0.0.1 maint 0 2",
      ["set server be/web1-00aa state drain", "set server be/web1-00aa state maint"],
    ],
    ["is none of ours if it is not called so", "sorry 10.0.0.1 ready 0", []],
  ] as const)("and is to go %s", ([, served, expected]) => {
    const { steps } = dynamicPlan({ served: [served] });
    expect(steps.flatMap((step) => step.commands)).toEqual(expected);
  });
});
