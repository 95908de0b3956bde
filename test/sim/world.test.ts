import { describe, expect, test } from "vitest";
import { minutes, seconds } from "../../src/base/units.js";
import type { SerfEvent } from "../../src/serf/events.js";
import { DriftingClock } from "../../src/sim/clock.js";
import type { Process } from "../../src/sim/process.js";
import { type Observer, type StartOptions, World, type WorldNode } from "../../src/sim/world.js";

/** Who was told what: `n1 member-failed n2`. */
class Told {
  readonly lines: string[] = [];

  touched(): void {}
  sent(): void {}
  started(): void {}

  told(process: Process, event: SerfEvent): void {
    const names = "members" in event ? event.members.map(({ name }) => name) : [event.name];
    for (const name of names) this.lines.push(`${process.name} ${event.kind} ${name}`);
  }

  stopped(process: Process, reason: string): void {
    this.lines.push(`${process.name} stopped: ${reason}`);
  }
}

const quiet: Observer = {
  touched: () => {},
  sent: () => {},
  told: () => {},
  started: () => {},
  stopped: () => {},
};

interface Group {
  readonly world: World;
  readonly told: Told;
  readonly nodes: readonly WorldNode[];
}

function group(size: number, options: StartOptions = {}): Group {
  const world = new World({ seed: 1 });
  const told = new Told();
  world.observer = told;
  const nodes = Array.from({ length: size }, (_, index) => world.add(`n${index + 1}`));
  for (const node of nodes) {
    const process = world.start(node, options);
    if (node.index > 0) join(world, process, world.node(0));
  }
  world.run(seconds(5));
  told.lines.length = 0;
  return { world, told, nodes };
}

function join(world: World, process: Process, target: WorldNode): string[] {
  const reasons: string[] = [];
  world.feed(process, (now) =>
    process.serf.join(now, [{ address: target.address, name: "" }], false, ({ failures }) => {
      reasons.push(...failures.map(({ reason }) => reason));
      if (failures.length === 0) reasons.push("joined");
    }),
  );
  return reasons;
}

/** The statuses that `viewer` holds. */
function view(viewer: WorldNode): Record<string, string> {
  const members = viewer.process?.serf.members() ?? [];
  return Object.fromEntries(members.map(({ name, status }) => [name, status]));
}

const alive = (size: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: size }, (_, index) => [`n${index + 1}`, "alive"]));

test("members that join one of them know each other", () => {
  const { nodes } = group(4);
  for (const node of nodes) expect(view(node)).toEqual(alive(4));
});

test("who crashes is found to have failed, and comes back at its place", () => {
  const { world, told, nodes } = group(4);
  const node = world.node(3);
  world.crash(node);
  world.run(minutes(1));
  expect(told.lines.toSorted()).toEqual([1, 2, 3].map((index) => `n${index} member-failed n4`));
  join(world, world.start(node), world.node(0));
  world.run(seconds(20));
  for (const one of nodes) expect(view(one)).toEqual(alive(4));
});

test("who comes back elsewhere is found there", () => {
  const { world, nodes } = group(4);
  const node = world.node(3);
  const before = node.address;
  world.crash(node);
  const process = world.start(node, { elsewhere: true });
  expect(process.address).not.toEqual(before);
  join(world, process, world.node(0));
  world.run(minutes(1));
  for (const one of nodes) {
    expect(view(one)).toEqual(alive(4));
    const member = one.process?.serf.members().find(({ name }) => name === "n4");
    expect(member?.address).toEqual(process.address);
  }
});

test("a snapshot on the disk finds the others without being told, unless it is lost", () => {
  const { world } = group(3, { snapshot: true });
  const node = world.node(2);
  world.crash(node);
  const remembering = world.start(node, { snapshot: true });
  world.run(seconds(10));
  expect(view(node)).toEqual(alive(3));
  expect(remembering.serf.swimCounters.streamsDialled).toBeGreaterThan(0);
  world.crash(node, "lost");
  const { serf } = world.start(node, { snapshot: true });
  world.run(seconds(1));
  expect(serf.swimCounters.streamsDialled).toBe(0);
});

describe("a process that stands still", () => {
  test("fails, and is back when it goes on", () => {
    const { world, told, nodes } = group(4);
    world.pause(world.node(3));
    world.run(minutes(1));
    expect(view(world.node(0))).toEqual({ ...alive(4), n4: "failed" });
    world.resume(world.node(3));
    world.run(minutes(2));
    for (const node of nodes) expect(view(node)).toEqual(alive(4));
    expect(told.lines).toContain("n1 member-join n4");
  });

  test("reads what came before it runs its timers, and accuses nobody", () => {
    const { world, told } = group(4);
    for (let round = 0; round < 20; round += 1) {
      world.pause(world.node(3));
      world.run(900);
      world.resume(world.node(3));
      world.run(300);
    }
    const { probesFailed, suspectClaims } = world.node(3).process?.serf.swimCounters ?? {};
    expect({ probesFailed, suspectClaims }).toEqual({ probesFailed: 0, suspectClaims: 0 });
    expect(told.lines).toEqual([]);
  });

  test("takes connections, of which it answers none", () => {
    const { world } = group(2);
    const node = world.add("n3");
    world.pause(world.node(0));
    const reasons = join(world, world.start(node), world.node(0));
    world.run(seconds(9));
    expect(reasons).toEqual([]);
    world.run(seconds(2));
    expect(reasons).toEqual(["i/o timeout"]);
  });
});

describe("a process that is blocked", () => {
  test("answers nobody, and does what waited when it is blocked no more", () => {
    const { world, told } = group(4);
    const node = world.node(3);
    world.block(node);
    world.run(minutes(1));
    expect(view(world.node(0))).toEqual({ ...alive(4), n4: "failed" });
    world.unblock(node);
    expect(node.process?.serf.swimCounters.refutations).toBe(1);
    world.run(seconds(5));
    for (const one of [0, 1, 2]) expect(view(world.node(one))).toEqual(alive(4));
    expect(told.lines).toContain("n1 member-join n4");
  });

  test("has timers that go on: it finds that all others have failed", () => {
    const { world, told } = group(4);
    world.block(world.node(3));
    world.run(minutes(1));
    const own = told.lines.filter((line) => line.startsWith("n4 "));
    expect(own.toSorted()).toEqual([1, 2, 3].map((number) => `n4 member-failed n${number}`));
  });

  test("sends nothing until then, and all of it then", () => {
    const { world, told } = group(4);
    let sent = 0;
    world.observer = Object.assign(told, {
      sent: ({ name }: Process) => {
        if (name === "n4") sent += 1;
      },
    });
    world.block(world.node(3));
    world.run(seconds(3));
    expect(sent).toBe(0);
    world.unblock(world.node(3));
    expect(sent).toBeGreaterThan(3);
  });

  test("may stand still as well: nothing happens before both are over", () => {
    const { world } = group(4);
    const node = world.node(3);
    world.block(node);
    world.pause(node);
    world.run(minutes(1));
    world.unblock(node);
    expect(node.process?.serf.swimCounters.refutations).toBe(0);
    world.resume(node);
    expect(node.process?.serf.swimCounters.refutations).toBe(1);
  });

  test("takes connections, of which it answers none before that", () => {
    const { world } = group(2);
    const node = world.add("n3");
    world.block(world.node(0));
    const reasons = join(world, world.start(node), world.node(0));
    world.run(seconds(5));
    expect(reasons).toEqual([]);
    world.unblock(world.node(0));
    world.run(seconds(1));
    expect(reasons).toEqual(["joined"]);
  });
});

describe("a connection", () => {
  test("to where no process listens is refused", () => {
    const { world } = group(2);
    world.crash(world.node(0));
    const reasons = join(world, world.start(world.add("n3")), world.node(0));
    world.run(100);
    expect(reasons).toEqual([expect.stringContaining("connection refused")]);
  });

  test("to a host that went down is not even refused, until it is up again", () => {
    const { world } = group(2);
    const [first] = world.nodes as [WorldNode];
    world.crash(first, "kept", true);
    const reasons = join(world, world.start(world.add("n3")), first);
    world.run(seconds(11));
    expect(reasons).toEqual(["i/o timeout"]);
    world.start(first);
    expect(join(world, world.start(world.add("n4")), first)).toEqual([]);
    world.run(seconds(1));
    expect(view(first)).toHaveProperty("n4", "alive");
  });

  test("to where a fault refuses it is refused, and the group lives by datagrams", () => {
    const { world, told } = group(3);
    world.network.begin(world.now, { kind: "refusal", nodes: [0, 1, 2] });
    const reasons = join(world, world.start(world.add("n4")), world.node(0));
    world.run(minutes(2));
    expect(reasons).toEqual([expect.stringContaining("connection refused")]);
    expect(told.lines).toEqual(["n4 member-join n4"]);
  });

  test("through a cut waits until it is mended", () => {
    const { world } = group(2);
    const cut = { kind: "partition", period: 0, from: [0], to: [2], both: true } as const;
    world.network.begin(world.now, cut);
    const node = world.add("n3");
    const reasons = join(world, world.start(node), world.node(0));
    world.run(seconds(2));
    expect(reasons).toEqual([]);
    world.network.end(cut);
    world.run(seconds(2));
    expect(reasons).toEqual(["joined"]);
  });
});

test("a cut in one direction does not make a member fail while others can ask for it", () => {
  const { world, told } = group(4);
  world.network.begin(0, { kind: "partition", period: 0, from: [0], to: [1], both: false });
  world.run(minutes(1));
  expect(told.lines).toEqual([]);
});

test("each half of a group that is cut loses the other, and finds it again", () => {
  const { world, nodes } = group(6);
  const cut = { kind: "partition", period: 0, from: [0, 1, 2], to: [3, 4, 5], both: true } as const;
  world.network.begin(world.now, cut);
  world.run(minutes(1));
  expect(view(world.node(0))).toEqual({ ...alive(6), n4: "failed", n5: "failed", n6: "failed" });
  world.network.end(cut);
  world.run(minutes(3));
  for (const node of nodes) expect(view(node)).toEqual(alive(6));
});

test("clocks that go wrong by a hundredth, and show anything, make nobody fail", () => {
  const world = new World({ seed: 1 });
  const told = new Told();
  world.observer = told;
  for (const [index, rate] of [0.99, 1, 1.01].entries()) {
    const clock = new DriftingClock(1_000_000 * index, rate);
    const process = world.start(world.add(`n${index + 1}`), { clock });
    if (index > 0) join(world, process, world.node(0));
  }
  world.run(minutes(5));
  expect(told.lines.filter((line) => !line.includes("member-join"))).toEqual([]);
  for (const node of world.nodes) expect(view(node)).toEqual(alive(3));
});

describe("a populated world", () => {
  const names = (size: number): string[] => Array.from({ length: size }, (_, i) => `n${i + 1}`);

  test("holds everybody for alive in every view, is told nothing, and gossips nothing", () => {
    const world = new World({ seed: 1 });
    const told = new Told();
    world.observer = told;
    world.populate(names(20));
    world.run(seconds(10));
    for (const node of world.nodes) {
      const { serf } = node.process ?? {};
      expect(view(node)).toEqual(alive(20));
      expect(serf?.stats()).toMatchObject({ members: 20, failed: 0, left: 0, intentQueue: 0 });
      expect(serf?.instances()).toEqual({ alive: 20, suspect: 0, dead: 0, left: 0 });
      expect(serf?.queuedClaims).toBe(0);
      expect(serf?.local.name).toBe(node.name);
      // A probe a second and its ack.
      expect(serf?.swimCounters.packetsSent).toBeLessThan(40);
    }
    expect(told.lines).toEqual([]);
  });

  test("probes each member once a round, and everybody is probed", () => {
    const world = new World({ seed: 1 });
    const probed = new Map<string, number>();
    world.observer = {
      ...quiet,
      sent: (process, payload) => {
        if (payload[0] === 0) probed.set(process.name, (probed.get(process.name) ?? 0) + 1);
      },
    };
    world.populate(names(10));
    world.run(seconds(9));
    for (const count of probed.values()) expect(Math.abs(count - 9)).toBeLessThanOrEqual(1);
    for (const { process } of world.nodes) {
      const rtts = names(10).filter((name) => process?.serf.coordinate(name) !== undefined);
      expect(rtts.length).toBeGreaterThanOrEqual(9);
    }
  });

  test("of 100 members all learn of a crash and are told of that alone", () => {
    const world = new World({ seed: 1, hashPackets: false, config: { compression: false } });
    const told = new Told();
    world.observer = told;
    world.populate(names(100));
    world.run(seconds(1));
    world.crash(world.node(7));
    world.run(seconds(45));
    expect(new Set(told.lines).size).toBe(99);
    expect(told.lines.length).toBe(99);
    expect(told.lines.every((line) => line.endsWith(" member-failed n8"))).toBe(true);
  });

  test("takes in who joins, and who comes back", () => {
    const world = new World({ seed: 1 });
    world.populate(names(5));
    join(world, world.start(world.add("n6")), world.node(0));
    world.crash(world.node(1));
    world.run(minutes(1));
    expect(view(world.node(4))).toEqual({ ...alive(6), n2: "failed" });
    join(world, world.start(world.node(1)), world.node(0));
    world.run(minutes(1));
    for (const node of world.nodes) expect(view(node)).toEqual(alive(6));
  });

  test("forgets who left long ago", () => {
    const world = new World({ seed: 1, config: { tombstoneTimeout: minutes(2) } });
    const [, second] = world.populate(names(4));
    if (second !== undefined) world.feed(second, (now) => second.serf.leave(now, () => {}));
    world.run(seconds(20));
    world.crash(world.node(1));
    world.run(minutes(20));
    const { n2: _, ...others } = alive(4);
    expect(view(world.node(0))).toEqual(others);
    expect(world.node(0).process?.serf.instances()).toEqual({
      alive: 3,
      suspect: 0,
      dead: 0,
      left: 0,
    });
  });
});
