import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Load } from "#traffic/load-client.js";
import { reportLine } from "#traffic/load-record.js";
import { Stage, type StageOptions } from "#traffic/stage.js";
import { waitUntil } from "#traffic/waiting.js";
import { shown } from "../peers/tables.js";

export const lbUsage = `       npm run bench -- lb [--rounds N] [--only NAME,...] [--markdown]
`;

/** Who keeps the same HAProxy in step. */
const candidates: Readonly<Record<string, StageOptions>> = {
  "gossipd, socket": { wiring: "built-in" },
  "gossipd, reload": {
    wiring: "built-in",
    balancer: { mode: "reload", governor: { reload_gap: "0s" } },
  },
  "Serf, lb watch": { wiring: "sidecar" },
  "Serf, haproxy.sh": { wiring: "handlers" },
  "Serf, classic": { wiring: "classic" },
};

const base = "Serf, classic";

const figures = {
  join: "join to first request on the new one, ms",
  leave: "leave to last request on it, ms",
  crash: "kill -9 of both to out of service, ms",
  lost: "requests lost by that",
} as const;

type Figure = keyof typeof figures;
type Samples = Record<Figure, number[]>;

/** All that is sent, requests per second: what is measured has that grain. */
const rate = 300;

/** Real HAProxy under load: how soon it has what members do, by our own part and by scripts, in turns. */
export async function benchLb(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "10" },
      only: { type: "string", default: Object.keys(candidates).join(";") },
      markdown: { type: "boolean", default: false },
    },
  });
  const names = Object.keys(candidates).filter((name) => values.only.split(";").includes(name));
  const samples = new Map<string, Samples>();
  for (const name of names) {
    samples.set(name, await measure(name, candidates[name] as StageOptions, Number(values.rounds)));
  }
  const [processor] = cpus();
  process.stdout.write(
    `\nNode.js ${process.version}, ${cpus().length} x ${processor?.model ?? "?"}, ${rate} requests/s, ` +
      `${values.rounds} rounds; p50 / p99 / most\n\n`,
  );
  const lines = tableOf(names, samples);
  process.stdout.write(values.markdown ? markdown(lines) : plain(lines));
}

async function measure(name: string, options: StageOptions, rounds: number): Promise<Samples> {
  const samples: Samples = { join: [], leave: [], crash: [], lost: [] };
  const stage = await Stage.open(options);
  try {
    for (const stays of ["web1", "web2"]) await stage.add(stays);
    await stage.inStep();
    for (let round = 1; round <= rounds; round += 1) {
      const load = Load.start({
        target: stage.haproxy.target,
        clients: { fresh: 10, kept: 20, post: 10 },
        rate,
      });
      try {
        samples.join.push(await join(stage, load, `leaves${round}`));
        samples.leave.push(await leave(stage, load, `leaves${round}`));
        samples.join.push(await join(stage, load, `dies${round}`));
        const before = load.lost;
        samples.crash.push(await crash(stage, `dies${round}`));
        await load.more(2 * rate);
        samples.lost.push(load.lost - before);
      } finally {
        const report = await load.stop();
        process.stderr.write(`${name}, round ${round}: ${reportLine(report)}\n`);
      }
    }
  } finally {
    await stage.end();
  }
  return samples;
}

/** From the order to join, at an agent that runs already, to the first answer of its web server. */
async function join(stage: Stage, load: Load, name: string): Promise<number> {
  const node = await stage.add(name, { joins: false });
  const began = performance.now();
  await node.agent.join(stage.balancer.gossip);
  await waitUntil(`${name} has a request`, () => load.answered(name) > 0, { every: 2 });
  const first = load.firstOn(name, 0) ?? Number.NaN;
  await stage.inStep();
  await load.more(rate / 2);
  return first - began;
}

/** From the signal to the last request that its web server answered; that one runs on meanwhile. */
async function leave(stage: Stage, load: Load, name: string): Promise<number> {
  const node = stage.node(name);
  stage.nodes.delete(name);
  const began = performance.now();
  node.agent.askToLeave();
  await node.agent.child.ended;
  await stage.inStep();
  await load.more(rate);
  const last = load.lastOn(name) ?? began;
  await node.web.child.stop();
  return Math.max(0, last - began);
}

async function crash(stage: Stage, name: string): Promise<number> {
  const node = stage.node(name);
  stage.nodes.delete(name);
  const began = performance.now();
  await node.kill();
  await stage.inStep();
  return performance.now() - began;
}

function tableOf(names: readonly string[], samples: ReadonlyMap<string, Samples>): string[][] {
  const head = [
    "",
    ...names,
    ...names.filter((name) => name !== base).map((name) => `${name} / ${base}`),
  ];
  const rows = (Object.keys(figures) as Figure[]).map((figure) => {
    const of = (name: string): number[] => samples.get(name)?.[figure] ?? [];
    const ratios = names
      .filter((name) => name !== base)
      .map((name) => (quantile(of(name), 0.5) / quantile(of(base), 0.5)).toFixed(3));
    const cells = names.map((name) =>
      [0.5, 0.99, 1].map((share) => shown(quantile(of(name), share))).join(" / "),
    );
    return [figures[figure], ...cells, ...ratios];
  });
  return [head, ...rows];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function markdown(lines: readonly (readonly string[])[]): string {
  const [head = [], ...rows] = lines;
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function plain(lines: readonly (readonly string[])[]): string {
  const width = (column: number): number =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0));
  return lines
    .map((cells) => cells.map((cell, column) => cell.padEnd(width(column))).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
