import { expect, test } from "vitest";
import { minutes, seconds } from "../../src/base/units.js";
import { acquainted } from "../../src/sim/acquaintance.js";
import { disagreement } from "../../src/sim/agreement.js";
import { Disturbances } from "../../src/sim/disturbances.js";
import type { Process } from "../../src/sim/process.js";
import { Watch } from "../../src/sim/watch.js";
import { World } from "../../src/sim/world.js";
import { profiles } from "../../src/swim/config.js";

interface Watched {
  readonly world: World;
  readonly watch: Watch;
  readonly disturbances: Disturbances;
  readonly processes: readonly Process[];
}

/** Members that have joined the first one, under watch. */
function watched(size: number): Watched {
  const world = new World({ seed: 3 });
  const disturbances = new Disturbances();
  const bounds = { names: size, messages: 10 };
  const watch = new Watch(world, { timing: profiles.lan, bounds, disturbances });
  world.observer = watch;
  const processes = Array.from({ length: size }, (_, index) => {
    const process = world.start(world.add(`n${index + 1}`));
    const targets = [{ address: world.node(0).address, name: "" }];
    if (index > 0) world.feed(process, (now) => process.serf.join(now, targets, true, () => {}));
    return process;
  });
  world.run(seconds(5));
  return { world, watch, disturbances, processes };
}

const noTags: ReadonlyMap<Process, ReadonlyMap<string, string>> = new Map();

test("a view in which an incarnation falls is found at the next claim", () => {
  const { world, processes } = watched(3);
  const [, second, third] = processes;
  if (second === undefined || third === undefined) return;
  const tell = (value: string): void => {
    world.feed(third, (now) => third.serf.setTags(now, new Map([["role", value]]), () => {}));
    world.run(seconds(5));
  };
  tell("web");
  for (const member of second.serf.swimMembers()) {
    if (member.name === "n1") Object.assign(member, { incarnation: 0 });
  }
  expect(() => tell("lb")).toThrow("n2 held n1 alive at 1, now alive at 0");
});

test("a member that takes others for failed in a calm is found", () => {
  const { world, watch, disturbances, processes } = watched(3);
  const [first, second] = processes;
  world.run(minutes(3));
  const [member] = second?.serf.members() ?? [];
  expect(member?.name).toBe("n1");
  if (member === undefined || second === undefined || first === undefined) return;
  const failed = { kind: "member-failed", members: [member] } as const;
  expect(() => watch.told(second, failed)).toThrow("n2 takes n1 for failed");
  const told = (): void => {
    watch.told(second, { kind: "member-join", members: [member] });
    watch.told(second, failed);
  };
  disturbances.begin([2]);
  expect(told).not.toThrow();
  disturbances.end(world.now, [2]);
  world.run(minutes(1));
  expect(told).not.toThrow();
  world.run(minutes(2));
  expect(told).toThrow("n2 takes n1 for failed");
});

test("a member that loses its name without a rival is found", () => {
  const { world, watch, processes } = watched(2);
  const [first] = processes;
  if (first === undefined) return;
  const stop = (): void => watch.stopped(first, "the name");
  expect(stop).toThrow("n1: the name");
  const rival = world.add("n1");
  world.start(rival);
  expect(stop).not.toThrow();
  world.crash(rival);
  world.run(seconds(20));
  expect(stop).not.toThrow();
  world.run(seconds(20));
  expect(stop).toThrow("n1: the name");
});

test("a table with more names than there are is found", () => {
  const { world } = watched(2);
  const another = world.start(world.add("n3"));
  const targets = [{ address: world.node(0).address, name: "" }];
  const run = (): void => {
    world.feed(another, (now) => another.serf.join(now, targets, true, () => {}));
    world.run(seconds(5));
  };
  expect(run).toThrow("has 3 of at most 2 members");
});

test("views that are right agree", () => {
  const { world, processes } = watched(3);
  expect(disagreement({ here: processes, nodes: world.nodes, tags: noTags })).toBeUndefined();
});

test.for<{ what: string; spoil: (watched: Watched) => void; text: string }>([
  {
    what: "who is here and held for failed",
    spoil: ({ world }) => {
      world.pause(world.node(2));
      world.run(minutes(1));
      world.resume(world.node(2));
    },
    text: "n1 holds n3 for failed, and it is here",
  },
  {
    what: "who is unknown to somebody",
    spoil: ({ world }) => {
      world.start(world.add("n4"));
    },
    text: "n1 holds n4 for unknown, and it is here",
  },
  {
    what: "who is gone and held for alive",
    spoil: ({ world }) => world.crash(world.node(2)),
    text: "n1 holds n3 for alive, and it is gone",
  },
])("views are found that differ: $what", ({ spoil, text }) => {
  const group = watched(3);
  group.world.observer = undefined;
  spoil(group);
  const { nodes } = group.world;
  const here = [...group.world.processes()];
  expect(disagreement({ here, nodes, tags: noTags })).toBe(text);
});

test("views with other tags, or another address, are found to differ", () => {
  const { world, processes } = watched(2);
  const { nodes } = world;
  const [viewer] = processes;
  const tags = new Map(viewer === undefined ? [] : [[viewer, new Map([["role", "web"]])]]);
  expect(disagreement({ here: processes, nodes, tags })).toBe(
    "n1 holds n1 to have tag role=, it is web",
  );
  world.crash(world.node(1));
  const moved = world.start(world.node(1), { elsewhere: true });
  const [first] = processes;
  const here = first === undefined ? [] : [first, moved];
  expect(disagreement({ here, nodes, tags: noTags })).toBe(
    "n1 holds n2 to be elsewhere than it is",
  );
});

test("groups that know nothing of each other are told apart", () => {
  const { world, processes } = watched(3);
  expect(acquainted(processes)).toHaveLength(1);
  world.observer = undefined;
  const stranger = world.start(world.add("n4"));
  world.crash(world.node(2));
  const moved = world.start(world.node(2), { elsewhere: true });
  const groups = acquainted([...world.processes()]);
  expect(groups.map((group) => group.map(({ name }) => name).toSorted())).toEqual([
    ["n1", "n2"],
    [moved.name],
    [stranger.name],
  ]);
});

test("two live processes of one name are no agreement", () => {
  const { world, processes } = watched(2);
  world.observer = undefined;
  world.start(world.add("n2"));
  const here = [...world.processes()];
  expect(disagreement({ here, nodes: world.nodes, tags: noTags })).toBe(
    "2 processes have the name n2",
  );
  expect(acquainted(here).map((group) => group.length)).toEqual([processes.length, 1]);
});

test("who is held for failed for long although it and its viewer were spared is found", () => {
  const { world, watch, disturbances } = watched(4);
  world.observer = undefined;
  world.crash(world.node(3));
  world.run(minutes(2));
  const look = (time: number): void => {
    for (let passed = 0; passed < time; passed += seconds(5)) {
      world.run(seconds(5));
      watch.lookAtPairs();
    }
  };
  look(minutes(8));
  // It is here, and nobody can reach it.
  const cut = { kind: "partition", period: 0, from: [3], to: [0, 1, 2], both: true } as const;
  world.network.begin(world.now, cut);
  world.start(world.node(3));
  disturbances.begin([3]);
  look(minutes(8));
  disturbances.end(world.now, [3]);
  expect(() => look(minutes(3))).not.toThrow();
  expect(() => look(minutes(8))).toThrow(/n\d holds n4 for failed since/);
});
