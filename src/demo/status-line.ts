import type { Cluster } from "./cluster.js";
import type { Screen } from "./screen.js";
import type { Stage } from "./stage.js";
import { keyWords } from "./wish.js";

/** The length of all bars together. */
const blocks = 16;

/**
 * How things are, in parts of falling importance: each node's share of the answers since the last
 * call, how many requests were lost in all, and the keys. `choice` is undefined without keys.
 */
export function statusLine(
  cluster: Pick<Cluster, "running">,
  stage: Pick<Stage, "takeRecent" | "phases">,
  choice: { readonly chosen: string | undefined } | undefined,
  screen: Pick<Screen, "paint" | "paintName">,
): string[] {
  const recent = stage.takeRecent();
  const names = new Set([...cluster.running, ...[...recent.answeredBy.keys()].sort()]);
  const parts = [...names].map((name) => {
    const share = (recent.answeredBy.get(name) ?? 0) / Math.max(1, recent.answered);
    const title = name === choice?.chosen ? screen.paint(name, "inverse") : name;
    return `${title} ${screen.paintName(name, "█".repeat(Math.round(share * blocks)))} `;
  });
  const lost = stage.phases.reduce((sum, phase) => sum + phase.tally.lost, 0);
  const losses = screen.paint(`lost ${lost}`, lost > 0 ? "red" : "green");
  if (choice === undefined) return [...parts, ` ${losses}`];
  const keys = keyWords.map((word) => screen.paint(word[0] ?? "", "bold") + word.slice(1));
  return [...parts, ` ${losses}  `, keys.join(" ")];
}
