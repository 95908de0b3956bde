import type { Anomaly, Detection, IntervalCounts } from "#sim/lifeguard.js";
import { type ConfigurationName, configurationNames, type JobResult } from "./jobs.js";
import { paperFigures, paperRuns, paperTuning } from "./paper.js";

const anomalyTitles: Readonly<Record<Anomaly, string>> = {
  hang: "hang: blocked as in the paper, who sends gets stuck",
  block: "block: neither sends nor reads, but all timers go on",
  pause: "pause: all stands still, as a stalled event loop",
};

/** Markdown, in the paper's shape, with the paper's figures beside ours. */
export function tablesOf(results: readonly JobResult[], anomaly: Anomaly): string {
  const here = results.filter(({ job }) => job.anomaly === anomaly);
  return [
    `### ${anomalyTitles[anomaly]}\n`,
    falsePositives(here),
    byConcurrency(here),
    detection(here),
  ].join("\n");
}

function falsePositives(results: readonly JobResult[]): string {
  const sums = new Map(configurationNames.map((name) => [name, sumOf(results, name)] as const));
  const swim = sums.get("SWIM");
  const rows = configurationNames.flatMap((name) => {
    const sum = sums.get(name);
    if (sum === undefined || sum.runs === 0) return [];
    const paper = paperFigures[name];
    const paperSwim = paperFigures.SWIM;
    return [
      [
        name,
        String(sum.fp),
        String(sum.fpMinus),
        percent(sum.fp, swim?.fp),
        percent(paper?.fp, paperSwim?.fp, paperTuning[name]?.fp),
        percent(sum.fpMinus, swim?.fpMinus),
        percent(paper?.fpMinus, paperSwim?.fpMinus),
        `${(sum.messages / 1e6).toFixed(2)} M`,
        percent(sum.messages, swim?.messages),
        percent(paper?.messages, paperSwim?.messages),
        percent(sum.bytes, swim?.bytes),
        percent(paper?.gibibytes, paperSwim?.gibibytes),
      ],
    ];
  });
  const runs = Math.max(0, ...[...sums.values()].map((sum) => sum.runs));
  const perRun = (sum: { fp: number; runs: number } | undefined): string =>
    sum === undefined || sum.runs === 0 ? "-" : (sum.fp / sum.runs).toFixed(1);
  return (
    table(
      "configuration|FP|FP−|FP % of SWIM|paper|FP− %|paper|messages|% of SWIM|paper|bytes %|paper",
      rows,
    ) +
    `\n${runs} runs of each. False positives a run, SWIM and Lifeguard: ours ${perRun(swim)} and ` +
    `${perRun(sums.get("Lifeguard"))}, the paper's ${((paperFigures.SWIM?.fp ?? 0) / paperRuns).toFixed(1)} and ` +
    `${((paperFigures.Lifeguard?.fp ?? 0) / paperRuns).toFixed(1)}. Of α 4 and α 2 the paper's percentage was only read off a plot.\n`
  );
}

function byConcurrency(results: readonly JobResult[]): string {
  const counts = [...new Set(results.map(({ job }) => job.cell.concurrent))];
  const rows = configurationNames.flatMap((name) => {
    const own = results.filter(({ job }) => job.configuration === name);
    if (own.length === 0) return [];
    const sums = counts.map((count) =>
      sumOf(
        own.filter(({ job }) => job.cell.concurrent === count),
        name,
      ),
    );
    return [[name, ...sums.map(({ fp }) => String(fp))]];
  });
  return table(["FP by C", ...counts].join("|"), rows);
}

function detection(results: readonly JobResult[]): string {
  const rows = configurationNames.flatMap((name) => {
    const all = results.flatMap(({ detections, job }) =>
      job.configuration === name ? (detections ?? []) : [],
    );
    const found = all.filter((one): one is Detection => one !== null);
    if (all.length === 0) return [];
    const cells = (["first", "full"] as const).flatMap((what) => {
      const times = found.map((one) => one[what]).sort((one, other) => one - other);
      return [0.5, 0.99, 0.999].map((share) => seconds(quantile(times, share)));
    });
    return [[name, ...cells, `${found.length} of ${all.length}`]];
  });
  if (rows.length === 0) return "";
  return table("latency, s|first, median|99 %|99.9 %|full, median|99 %|99.9 %|found by all", rows);
}

function sumOf(
  results: readonly JobResult[],
  name: ConfigurationName,
): { -readonly [Field in keyof IntervalCounts]: number } & { runs: number } {
  const sum = { fp: 0, fpMinus: 0, messages: 0, bytes: 0, runs: 0 };
  for (const { counts, job } of results) {
    if (job.configuration !== name || counts === undefined) continue;
    sum.fp += counts.fp;
    sum.fpMinus += counts.fpMinus;
    sum.messages += counts.messages;
    sum.bytes += counts.bytes;
    sum.runs += 1;
  }
  return sum;
}

function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

function seconds(millis: number | undefined): string {
  return millis === undefined ? "-" : (millis / 1_000).toFixed(2);
}

function percent(part: number | undefined, whole: number | undefined, read?: number): string {
  if (part === undefined || whole === undefined || whole === 0) {
    return read === undefined ? "-" : `about ${read}`;
  }
  return ((100 * part) / whole).toFixed(2);
}

function table(head: string, rows: readonly (readonly string[])[]): string {
  const names = head.split("|");
  const rule = names.map((_, column) => (column === 0 ? "---" : "---:"));
  return [names, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
