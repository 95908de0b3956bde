import type { SelfInfo } from "../observe/member-info.js";
import { counted, thousands } from "./format.js";
import type { Standing } from "./standing.js";

export interface Headline {
  readonly tone: "good" | "warn" | "bad";
  readonly words: string;
}

/** What an operator must know before all else; `differing`: servers that a proxy does not serve as wanted. */
export function headlineOf(
  { joined, isolated }: Pick<SelfInfo, "joined" | "isolated">,
  counts: Readonly<Record<Standing, number>>,
  differing: number,
): Headline {
  const total = counts.alive + counts.suspected + counts.leaving + counts.failed;
  if (isolated) return { tone: "bad", words: "This agent hears nobody: it may be cut off." };
  if (!joined) return { tone: "warn", words: "This agent has not joined the others yet." };
  const troubles = [
    ...(counts.failed > 0 ? [`${counted(counts.failed, "member")} failed`] : []),
    ...(counts.suspected > 0 ? [`${thousands(counts.suspected)} suspected`] : []),
    ...(counts.leaving > 0 ? [`${thousands(counts.leaving)} leaving`] : []),
    ...(differing > 0 ? [`${counted(differing, "server")} not served as wanted`] : []),
  ];
  const tone = counts.failed > 0 ? "bad" : counts.suspected + differing > 0 ? "warn" : "good";
  if (troubles.length > 0) return { tone, words: `${sentence(troubles)}.` };
  if (total === 1) return { tone: "good", words: "This agent is alone." };
  return { tone: "good", words: `All ${thousands(total)} members are alive.` };
}

function sentence(parts: readonly string[]): string {
  if (parts.length === 1) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
