// One table: `npm run bench:refusal -- [--members N] [--seeds N] [--only TEXT]`.
import { parseArgs } from "node:util";
import { type Detection, type DetectionOptions, detect } from "#sim/detection.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    members: { type: "string", default: "10" },
    only: { type: "string", default: "" },
  },
});

const [seeds, members] = [Number(values.seeds), Number(values.members)];

type Case = Omit<DetectionOptions, "seed" | "members" | "refusals">;

const cases: Readonly<Record<string, Case>> = {
  "kill -9": { ordeal: { kind: "kill" } },
  "kill -9, 5 % loss": { ordeal: { kind: "kill" }, loss: 0.05 },
  "kill -9, 20 % loss": { ordeal: { kind: "kill" }, loss: 0.2 },
  "5 % loss": { ordeal: { kind: "calm" }, loss: 0.05 },
  "15 % loss": { ordeal: { kind: "calm" }, loss: 0.15 },
  "30 % loss": { ordeal: { kind: "calm" }, loss: 0.3 },
  "stopped 3 × 2 s": { ordeal: { kind: "pause", time: 2_000 } },
  "stopped 3 × 8 s": { ordeal: { kind: "pause", time: 8_000 } },
  "blocked 3 × 2 s": { ordeal: { kind: "block", time: 2_000 } },
  "blocked 3 × 8 s": { ordeal: { kind: "block", time: 8_000 } },
  "partition for 3 s": { ordeal: { kind: "partition", time: 3_000 } },
  "partition for 10 s": { ordeal: { kind: "partition", time: 10_000 } },
  "all refuse TCP": { ordeal: { kind: "calm" }, refusing: 1 },
  "all refuse TCP, 5 % loss": { ordeal: { kind: "calm" }, refusing: 1, loss: 0.05 },
  "all refuse TCP, 15 % loss": { ordeal: { kind: "calm" }, refusing: 1, loss: 0.15 },
  "all refuse TCP, 30 % loss": { ordeal: { kind: "calm" }, refusing: 1, loss: 0.3 },
  "a third refuses TCP, 30 % loss": { ordeal: { kind: "calm" }, refusing: 0.33, loss: 0.3 },
  "restart after 0.1 s": { ordeal: { kind: "restart", after: 100 } },
  "restart after 0.5 s": { ordeal: { kind: "restart", after: 500 } },
  "restart after 1 s": { ordeal: { kind: "restart", after: 1_000 } },
  "restart after 1.5 s": { ordeal: { kind: "restart", after: 1_500 } },
  "all restart within 15 s, each after 0.3 s": { ordeal: { kind: "restart storm", after: 300 } },
  "all restart within 15 s, each after 1 s": { ordeal: { kind: "restart storm", after: 1_000 } },
};

process.stdout.write(`${members} members, ${seeds} seeds each: without and with refusals\n\n`);
process.stdout.write(
  "| what | first told, s | last told, s | false alarms | of the healthy | just back | packets | connections | ended early |\n" +
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
);
for (const [name, one] of Object.entries(cases)) {
  if (!name.includes(values.only)) continue;
  const [before, after] = [false, true].map((refusals) => runs({ ...one, members, refusals }));
  if (before === undefined || after === undefined) continue;
  const cells = [
    both(before, after, (all) => times(all.map(({ first }) => first))),
    both(before, after, (all) => times(all.map(({ last }) => last))),
    both(before, after, (all) => sum(all.map(({ falseAlarms }) => falseAlarms))),
    both(before, after, (all) => sum(all.map(({ falseAlarmsOfHealthy: count }) => count))),
    both(before, after, (all) => sum(all.map(({ lateAlarms }) => lateAlarms))),
    both(before, after, (all) => sum(all.map(({ packets }) => packets))),
    both(before, after, (all) => sum(all.map(({ dials }) => dials))),
    sum(after.map(({ shortened }) => shortened)),
  ];
  process.stdout.write(`| ${[name, ...cells].join(" | ")} |\n`);
}

function runs(options: Omit<DetectionOptions, "seed">): Detection[] {
  return Array.from({ length: seeds }, (_, index) => detect({ ...options, seed: index + 1 }));
}

function both(
  before: readonly Detection[],
  after: readonly Detection[],
  show: (all: readonly Detection[]) => string,
): string {
  const [one, other] = [show(before), show(after)];
  return one === "" && other === "" ? "" : `${one} → ${other}`;
}

function sum(counts: readonly number[]): string {
  return String(counts.reduce((total, count) => total + count, 0));
}

/** Median, range, and how often there was none. */
function times(found: readonly (number | undefined)[]): string {
  const sorted = found.filter((time) => time !== undefined).sort((one, other) => one - other);
  const at = (share: number): string =>
    ((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / 1_000).toFixed(2);
  if (sorted.length === 0) return "";
  const never = found.length - sorted.length;
  return `${at(0.5)} (${at(0)}–${at(1)})${never > 0 ? `, never ${never}` : ""}`;
}
