import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../base/assert.js";
import { runScenario, type ScenarioReport } from "../sim/scenario.js";
import { summarise } from "../sim/scenario-summary.js";
import { profiles } from "../swim/config.js";
import type { Message, Order, SizeOrder, SizeResult } from "./job.js";

/** How often is told how far we are, in milliseconds of real time. */
const tellInterval = 100;

const orders = workerData as readonly SizeOrder[];
const total = sum(orders.flat().map(workOf));
let finished = 0;
let toldAt = 0;
let mostMemory = 0;

tell({ kind: "result", results: orders.map(runSize) });

function runSize(size: SizeOrder): SizeResult {
  const before = process.cpuUsage();
  mostMemory = 0;
  const [first, ...others] = size;
  const reports: [ScenarioReport, ...ScenarioReport[]] = [runOne(first)];
  for (const order of others) reports.push(runOne(order));
  const { system, user } = process.cpuUsage(before);
  return {
    summary: summarise(reports),
    cost: { cpu: (user + system) / 1_000, memoryBytes: mostMemory },
  };
}

function runOne(order: Order): ScenarioReport {
  const { nodes, profile, seed, ...rest } = order;
  const work = workOf(order);
  const report = runScenario({ ...rest, nodes, seed, timing: profiles[profile] }, (share) => {
    const now = performance.now();
    if (now - toldAt < tellInterval) return;
    toldAt = now;
    mostMemory = Math.max(mostMemory, process.memoryUsage.rss());
    const done = (finished + share * work) / total;
    tell({ kind: "progress", progress: { done, nodes, seed } });
  });
  mostMemory = Math.max(mostMemory, process.memoryUsage.rss());
  finished += work;
  return report;
}

function tell(message: Message): void {
  assert(parentPort !== null, "this runs as a worker");
  parentPort.postMessage(message);
}

/** How much there is to do in a run, in no unit: when all join at once, all hear of all. */
function workOf({ nodes, start }: Order): number {
  return start === "cold" ? nodes + nodes ** 2 / 100 : nodes;
}

function sum(values: readonly number[]): number {
  return values.reduce((whole, value) => whole + value, 0);
}
