import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { World } from "#sim/world.js";

/** What is measured: a group at rest, or one whose members all join the first at once. */
type Begin = "populated" | "join-storm";

interface Run {
  readonly begin: Begin;
  readonly members: number;
  readonly virtualSeconds: number;
}

/** What a run costs in a process of its own. */
interface Cost {
  readonly cpuSeconds: number;
  readonly heapMegabytes: number;
  readonly packets: number;
  /** Members in the smallest view at the end. */
  readonly smallestView: number;
}

const runs: readonly Run[] = [
  { begin: "populated", members: 1_000, virtualSeconds: 60 },
  { begin: "populated", members: 10_000, virtualSeconds: 60 },
  { begin: "join-storm", members: 300, virtualSeconds: 20 },
];

/**
 * What is alive at a time in a group of thousands, its packets and timers, is more than the young
 * generation of V8's heap holds by default: then each collection copies all of it.
 */
const youngMegabytes = 256;

/** Costs of simulated groups, each in a process of its own: CPU time, memory, packets. */
export async function benchSimulator(): Promise<void> {
  process.stdout.write("\nsimulated groups, lan profile, without compression and hashing\n");
  for (const run of runs) {
    const { cpuSeconds, heapMegabytes, packets, smallestView } = await inChild(run);
    const cells = [
      `${run.begin}, ${run.members} members x ${run.virtualSeconds} s`,
      `${cpuSeconds.toFixed(1)} s CPU`,
      `${heapMegabytes.toFixed(0)} MB`,
      `${Math.round(packets / cpuSeconds)} packets per CPU second`,
      `smallest view ${smallestView}`,
    ];
    process.stdout.write(`  ${cells.join("  ")}\n`);
  }
}

async function inChild(run: Run): Promise<Cost> {
  const args = [`--max-semi-space-size=${youngMegabytes}`, "--expose-gc"];
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const child = spawn(process.execPath, [...args, main, "simulator-run", JSON.stringify(run)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  await closed;
  return JSON.parse(text) as Cost;
}

/** The other end of {@link inChild}. */
export function runSimulator(text: string): void {
  process.stdout.write(JSON.stringify(measure(JSON.parse(text) as Run)));
}

function measure({ begin, members, virtualSeconds }: Run): Cost {
  const world = new World({ seed: 1, hashPackets: false, config: { compression: false } });
  const names = Array.from({ length: members }, (_, index) => `node-${index + 1}`);
  const before = process.cpuUsage();
  if (begin === "populated") world.populate(names);
  else storm(world, names);
  world.run(virtualSeconds * 1_000);
  const { system, user } = process.cpuUsage(before);
  globalThis.gc?.();
  const { external, heapUsed } = process.memoryUsage();
  const all = [...world.processes()].map(({ serf }) => serf);
  return {
    cpuSeconds: (user + system) / 1e6,
    heapMegabytes: (heapUsed + external) / 1_048_576,
    packets: all.reduce((sum, { swimCounters }) => sum + swimCounters.packetsSent, 0),
    smallestView: Math.min(...all.map((serf) => serf.instances().alive)),
  };
}

function storm(world: World, names: readonly string[]): void {
  const nodes = names.map((name) => world.add(name));
  for (const node of nodes) {
    const { serf } = world.start(node);
    const targets = [{ address: world.node(0).address, name: "" }];
    const started = node.process;
    if (node.index === 0 || started === undefined) continue;
    world.feed(started, (now) => serf.join(now, targets, true, () => {}));
  }
}
