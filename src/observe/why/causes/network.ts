import { compareTexts } from "../../../base/compare-texts.js";
import type { Account } from "../account.js";
import type { Evidence, Told } from "../evidence.js";
import type { Rule } from "../verdict.js";
import { answersBefore } from "./process.js";

/** Packets pass to it, and not from it: it heard that it was accused, and nobody heard its answer. */
export const unheardThere: Rule = (evidence, words) => {
  const { answerInVain: unanswered, node } = evidence;
  if (unanswered === undefined) return undefined;
  const name = words.name(node);
  return {
    cause: "one-way",
    confidence: "certain",
    members: [],
    summary: `Packets to ${name} arrived, packets from it did not: a one-way cut.`,
    because: [
      `it heard at ${words.clock(unanswered.at)} that ${words.name(unanswered.deed.by)} accused it, and answered`,
      "none of the others heard that answer",
    ],
    advice: `Look at what filters or routes packets from ${name}: firewall, address translation, security group.`,
  };
};

/** Packets pass from it, and not to it: it was heard while it was missed. */
export const heardHere: Rule = (evidence, words) => {
  const { node } = evidence;
  const name = words.name(node);
  const heard = evidence
    .all("probe")
    .filter(({ deed }) => deed.heard === true && isBarred(deed.tcp) && deed.outcome === "lost");
  const count = heard.reduce((sum, { times }) => sum + times, 0);
  const accusations = evidence.heardAccusing;
  const deaf = evidence.ownLosses.some(({ unheard }) => unheard);
  if (count < 2 && accusations.length === 0 && !(count > 0 && deaf)) return undefined;
  const who = [...heard.map(({ from }) => from), ...accusations];
  return {
    cause: "one-way",
    confidence: deaf ? "certain" : "likely",
    members: [],
    summary: `Packets from ${name} arrive at the others, packets to it do not: a one-way cut.`,
    because: [
      `${words.names(who)} heard it while pings to it got lost`,
      ...(deaf ? ["it says itself that it heard nobody"] : []),
    ],
    advice: `Look at what filters or routes packets to ${name}: firewall, address translation, security group.`,
  };
};

/** It lost the others as well. */
export const cutOff: Rule = (evidence, words) => {
  const { node, others } = evidence;
  const losses = evidence.ownLosses.filter(({ how }) => how === "lost");
  const deaf = losses.some(({ unheard }) => unheard);
  const lost = new Set(losses.map((loss) => loss.node));
  const lostAll = lost.size > 1 && others.every(({ from }) => lost.has(from));
  if (!deaf && !lostAll) return undefined;
  const name = words.name(node);
  return {
    cause: "cut-off",
    confidence: lostAll ? "certain" : "likely",
    members: [],
    summary: `${name} was cut off from the network, on its side.`,
    because: [
      `it lost ${words.names(lost)} itself${deaf ? ", and heard nobody at all" : ""}`,
      ...silenceBetween(evidence, words.names.bind(words)),
    ],
    advice: `Look at the link, switch port and network settings of ${name}.`,
  };
};

/** It was lost together with others, by the same members. */
export const partition: Rule = (evidence, words) => {
  const { node } = evidence;
  const losers = evidence.losers;
  const mates = matesOf(evidence, losers);
  if (mates.length === 0) return undefined;
  const witnesses = [evidence.own, ...mates.map((mate) => evidence.account(mate))].filter(
    (account): account is Account => account !== undefined,
  );
  const lostUs = witnesses.filter((account) => {
    const lost = account.losses.filter(({ how }) => how === "lost").map((loss) => loss.node);
    return losers.some(({ from }) => lost.includes(from)) && !lost.includes(node);
  });
  const here = words.names(losers.map(({ from }) => from));
  const there = words.names([node, ...mates]);
  return {
    cause: "partition",
    confidence: lostUs.length > 0 ? "certain" : "likely",
    members: mates,
    summary: `The network was split: ${there} on one side, ${here} on the other.`,
    because: [
      `${here} lost ${there} at about the same time`,
      ...(lostUs.length > 0
        ? [
            `${words.names(lostUs.map(({ from }) => from))} lost ${losers.length === 1 ? "it" : "them"} in turn, but not each other`,
          ]
        : ["none of those answered, so it may also be that they lost power or network together"]),
    ],
    advice: "Look at what connects the two sides: switch, router, tunnel, zone.",
  };
};

/** Nothing came of it at all. */
export const hostGone: Rule = (evidence, words) => {
  const { node } = evidence;
  const lost = evidence.lost("unreachable", "untried");
  const who = new Set(lost.map(({ from }) => from));
  const told = evidence.all("gone").filter(({ deed }) => deed.state === "failed");
  if (who.size === 0 && told.length === 0) return undefined;
  const name = words.name(node);
  const { over } = evidence.episode;
  const helpers = new Set(lost.flatMap(({ deed }) => deed.helpers));
  return {
    cause: "host-gone",
    confidence: who.size > 1 ? "likely" : "possible",
    members: [],
    summary: over
      ? `Nothing was heard of the host of ${name}: off, hanging, or cut off.`
      : `Nothing is heard of the host of ${name}: off, hanging, or cut off.`,
    because: [
      ...(who.size > 0
        ? [`neither pings nor connections of ${words.names(who)} were answered`]
        : [`${words.names(told.map(({ deed }) => deed.by))} declared it failed`]),
      ...(helpers.size > 0 ? [`nor were pings of helpers (${words.names(helpers)})`] : []),
      ...answersBefore(evidence, words),
    ],
    advice: over ? undefined : `See whether the host of ${name} is up, and its network.`,
  };
};

function isBarred(tcp: Told<"probe">["deed"]["tcp"]): boolean {
  return tcp === "unreachable" || tcp === "untried";
}

/** Those that all who lost it lost as well, at about the same time. */
function matesOf(evidence: Evidence, losers: readonly Account[]): string[] {
  const counts = new Map<string, number>();
  for (const account of losers) {
    for (const { how, node } of evidence.lossesOf(account)) {
      if (how === "lost" || how === "told") counts.set(node, (counts.get(node) ?? 0) + 1);
    }
  }
  const others = new Set(losers.map(({ from }) => from));
  // Whom it lost itself was not on its side; each may have been cut off for itself.
  for (const { how, node } of evidence.ownLosses) if (how === "lost") others.add(node);
  return [...counts]
    .filter(([name, count]) => !others.has(name) && count * 2 >= losers.length)
    .map(([name]) => name)
    .sort(compareTexts);
}

function silenceBetween(evidence: Evidence, names: (names: Iterable<string>) => string): string[] {
  const who = evidence.probes("lost").map(({ from }) => from);
  return who.length === 0 ? [] : [`${names(who)} got no answer of it either`];
}
