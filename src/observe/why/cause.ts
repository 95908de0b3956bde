import type { Account } from "./account.js";
import { accuserAtFault, refuted } from "./causes/accuser.js";
import { contested, joined, left, movedOr, restartedOr } from "./causes/coming-and-going.js";
import { cutOff, heardHere, hostGone, partition, unheardThere } from "./causes/network.js";
import { lossyPaths, pairPath, udpBlocked } from "./causes/paths.js";
import { processGone, slow, stoodStill, stranger } from "./causes/process.js";
import type { Episode } from "./episode.js";
import { Evidence } from "./evidence.js";
import type { Rule, Verdict, Words } from "./verdict.js";

/** What can have made a member go: the first that fits. What somebody knows comes before what only fits. */
const departures: readonly Rule[] = [
  left,
  processGone,
  stoodStill,
  stranger,
  accuserAtFault,
  pairPath,
  partition,
  unheardThere,
  heardHere,
  cutOff,
  udpBlocked,
  lossyPaths,
  refuted,
  hostGone,
  slow,
];

/** The likely cause of `episode`, as far as `accounts` tell. */
export function causeOf(
  node: string,
  episode: Episode,
  accounts: readonly Account[],
  words: Words,
): Verdict {
  const evidence = new Evidence(node, episode, accounts);
  const departure = (): Verdict | undefined => firstOf(departures, evidence, words);
  const rules = [contested, movedOr(departure), restartedOr(departure), joined, ...departures];
  return firstOf(rules, evidence, words) ?? unexplained(node, words);
}

function firstOf(rules: readonly Rule[], evidence: Evidence, words: Words): Verdict | undefined {
  for (const rule of rules) {
    const verdict = rule(evidence, words);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function unexplained(node: string, words: Words): Verdict {
  return {
    cause: "unknown",
    confidence: "possible",
    members: [],
    summary: `What was seen of ${words.name(node)} fits no cause that is known here.`,
    because: [],
  };
}
