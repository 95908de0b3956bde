import type { SizeResult } from "./job.js";
import { bytes, count, time } from "./units.js";

/** One answer in a few words. */
export interface Headline {
  readonly label: string;
  readonly value: string;
}

/** What operators ask first, of the largest group. */
export function headlinesOf(results: readonly SizeResult[]): Headline[] {
  const [largest] = results
    .map(({ summary }) => summary)
    .toSorted((one, other) => other.nodes - one.nodes);
  if (largest === undefined) return [];
  const { falseAlarms, hostsLost, join, killed, leaves, nodes, steady, userEvent } = largest;
  const lines: (Headline | undefined)[] = [
    { label: "members", value: count(nodes) },
    join && { label: "all have joined", value: time(join.all.median) },
    killed.all.count === 0
      ? undefined
      : { label: "all know of a killed process", value: time(killed.all.median) },
    hostsLost.all.count === 0
      ? undefined
      : { label: "all know of a lost host", value: time(hostsLost.all.median) },
    { label: "an event has reached all", value: time(userEvent.all.median) },
    leaves.all.count === 0
      ? undefined
      : { label: "all know of a leave", value: time(leaves.all.median) },
    { label: "steady UDP per member", value: `${bytes(steady.udpBytes.median)}/s` },
    { label: "well, and declared failed", value: count(falseAlarms.members) },
  ];
  return lines.filter((line) => line !== undefined);
}
