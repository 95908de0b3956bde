import { parseArgs } from "node:util";
import { distributionOf } from "#sim/quantiles.js";
import { type RumourKind, runRumours } from "#sim/rumours.js";
import { memberlistWays, runStorm, type StormOptions } from "#sim/storm.js";

export const stormUsage = `       npm run bench -- storm [--members 10,50,100] [--groups 5,6,8,9,10,50] [--seeds N] [--rumours N]
`;

type Ways = Pick<StormOptions, "config" | "others">;

/** Who takes part. */
const groups: Readonly<Record<string, Ways>> = {
  memberlist: { config: memberlistWays },
  mixed: { others: memberlistWays },
  gossipd: {},
};

const storms: Readonly<Record<string, Pick<StormOptions, "loss" | "spread">>> = {
  "at once": {},
  "within 2 s": { spread: 2_000 },
  "at once, 2 % loss": { loss: 0.02 },
};

const rumourKinds: readonly RumourKind[] = ["event", "tags", "leave"];

/** Rumours in one world, until the next seed. */
const rumoursPerSeed = 500;

/** How soon all see all, and what is missed, as memberlist spreads what is new and as we do. */
export function benchStorm(args: readonly string[]): void {
  const { values } = parseArgs({
    args: [...args],
    options: {
      members: { type: "string", default: "10,50,100" },
      groups: { type: "string", default: "5,6,8,9,10,50" },
      seeds: { type: "string", default: "100" },
      rumours: { type: "string", default: "2000" },
    },
  });
  const write = (line: string): boolean => process.stdout.write(`${line}\n`);
  const numbers = (text: string): number[] => text.split(",").filter(Boolean).map(Number);
  const [seeds, rumours] = [Number(values.seeds), Number(values.rumours)];
  if (seeds > 0) {
    write(`${seeds} storms each: time until all see all, s; sent by each member within 20 s\n`);
    write(
      "| members | join | group | median | p90 | p99 | worst | over 10 s | packets | bytes | over streams |",
    );
    write("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (const members of numbers(values.members)) {
      for (const [storm, conditions] of Object.entries(storms)) {
        for (const [group, ways] of Object.entries(groups)) {
          write(stormRow([members, storm, group], { members, ...conditions, ...ways }, seeds));
        }
      }
    }
  }
  if (rumours > 0) {
    write(
      `\n${rumours} rumours each in a group at rest: how many miss somebody; time to the last, ms\n`,
    );
    write(
      "| members | rumour | group | missed by somebody | median | p99 | worst | packets each |",
    );
    write("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for (const members of numbers(values.groups)) {
      for (const kind of rumourKinds) {
        for (const [group, ways] of Object.entries(groups)) {
          write(rumourRow([members, kind, group], { members, kind, ...ways }, rumours));
        }
      }
    }
  }
}

function stormRow(
  head: readonly (string | number)[],
  options: Omit<StormOptions, "seed">,
  seeds: number,
): string {
  const reports = Array.from({ length: seeds }, (_, index) =>
    runStorm({ ...options, seed: index + 1 }),
  );
  const times = reports.map(({ convergedAfter }) => convergedAfter);
  const { max, median, p90, p99 } = distributionOf(times);
  const mean = (values: number[]): string =>
    (values.reduce((sum, value) => sum + value, 0) / seeds).toFixed(0);
  const cells = [
    ...[median, p90, p99, max].map((time) => (Number(time) / 1_000).toFixed(2)),
    times.filter((time) => time > 10_000).length,
    mean(reports.map(({ packets }) => packets)),
    mean(reports.map(({ packetBytes }) => packetBytes)),
    mean(reports.map(({ streamBytes }) => streamBytes)),
  ];
  return `| ${[...head, ...cells].join(" | ")} |`;
}

function rumourRow(
  head: readonly (string | number)[],
  options: Ways & { readonly kind: RumourKind; readonly members: number },
  rumours: number,
): string {
  const times: number[] = [];
  let missed = 0;
  let packets = 0;
  for (let done = 0, seed = 1; done < rumours; done += rumoursPerSeed, seed += 1) {
    const count = Math.min(rumoursPerSeed, rumours - done);
    const report = runRumours({ ...options, rumours: count, seed });
    times.push(...report.times);
    missed += report.missed;
    packets += report.packets * count;
  }
  const { max, median, p99 } = distributionOf(times);
  const cells = [
    `${missed} of ${rumours}`,
    ...[median, p99, max].map((time) => Number(time).toFixed(0)),
    (packets / rumours).toFixed(1),
  ];
  return `| ${[...head, ...cells].join(" | ")} |`;
}
