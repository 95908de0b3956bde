import type { Account, Loss } from "../account.js";
import type { Evidence, Told } from "../evidence.js";
import type { Rule } from "../verdict.js";
import { answersBefore } from "./process.js";

/** So long a member that was accused can be heard again in any case, if it can be heard at all. */
const refutedWithin = 3_000;

/** Packets pass from it or to it, and not the other way. */
export const oneWay: Rule = (evidence, words) => {
  const { node } = evidence;
  const name = words.name(node);
  const heard = evidence
    .all("probe")
    .filter(({ deed }) => deed.heard === true && isBarred(deed.tcp) && deed.outcome === "lost");
  const count = heard.reduce((sum, { times }) => sum + times, 0);
  const deaf = ownLosses(evidence).some(({ unheard }) => unheard);
  if (count > 1 || (count > 0 && deaf)) {
    return {
      cause: "one-way",
      confidence: deaf ? "certain" : "likely",
      members: [],
      summary: `Packets from ${name} arrive at the others, packets to it do not: a one-way cut.`,
      because: [
        `${words.names(heard.map(({ from }) => from))} heard it while their own pings to it got lost`,
        ...(deaf ? ["it says itself that it heard nobody"] : []),
      ],
      advice: `Look at what filters or routes packets to ${name}: firewall, address translation, security group.`,
    };
  }
  const unanswered = inVain(evidence);
  if (unanswered === undefined) return undefined;
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

/** It lost the others as well, all of them. */
export const cutOff: Rule = (evidence, words) => {
  const { node, others } = evidence;
  const losses = ownLosses(evidence).filter(({ how }) => how === "lost");
  const deaf = losses.some(({ unheard }) => unheard);
  const lost = new Set(losses.map((loss) => loss.node));
  if (!deaf && (lost.size < 2 || lost.size < others.length)) return undefined;
  const name = words.name(node);
  return {
    cause: "cut-off",
    confidence: "certain",
    members: [],
    summary: `${name} was cut off from the network, on its side.`,
    because: [
      deaf ? "it heard nobody at all, as it says itself" : `it lost ${words.names(lost)} as well`,
      ...silenceBetween(evidence, words.names.bind(words)),
    ],
    advice: `Look at the link, switch port and network settings of ${name}.`,
  };
};

/** It was lost together with others, by the same members. */
export const partition: Rule = (evidence, words) => {
  const { node } = evidence;
  const losers = evidence.others.filter(({ from }) => evidence.accusers.includes(from));
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

/** Only the ping over TCP came through. */
export const udpBlocked: Rule = (evidence, words) => {
  const { node } = evidence;
  const found = evidence.probes("tcp");
  const count = sum(found);
  if (count === 0 || count < sum(evidence.probes("lost"))) return undefined;
  const who = [...new Set(found.map(({ from }) => from))];
  const name = words.name(node);
  const fine = fineBesides(evidence, who);
  const because = [
    `pings of ${words.names(who)} over UDP got lost, ${words.times(count)}, and over TCP they were answered`,
    ...(fine.length > 0 ? [`${words.names(fine)} reached it over UDP as well`] : []),
  ];
  const [only] = who;
  const elsewhere = only === undefined ? [] : troubledBesides(evidence, only, "tcp");
  if (who.length === 1 && only !== undefined && elsewhere.length > 1) {
    return {
      cause: "accuser",
      confidence: "likely",
      members: [only],
      summary: `UDP to and from ${words.name(only)} is blocked, not that of ${name}.`,
      because: [...because, `${words.name(only)} has the same with ${words.names(elsewhere)}`],
      advice: `Let UDP through to the gossip port of ${words.name(only)}, in both directions.`,
    };
  }
  const between =
    fine.length > 0 ? `between ${words.names(who)} and ${name}` : `to or from ${name}`;
  return {
    cause: "udp-blocked",
    confidence: count > 1 ? "certain" : "likely",
    members: fine.length > 0 ? who : [],
    summary: `UDP is blocked ${between}; TCP works.`,
    because,
    advice: `Let UDP through to the gossip port, as well as TCP, in both directions (firewall, security group).`,
  };
};

/** Helpers reach it where somebody does not. */
export const path: Rule = (evidence, words) => {
  const { node } = evidence;
  const helped = evidence.probes("helped");
  if (helped.length === 0 || sum(helped) < sum(evidence.lost("unreachable", "refused"))) {
    return undefined;
  }
  const name = words.name(node);
  const who = [...new Set(helped.map(({ from }) => from))];
  const helpers = new Set(helped.flatMap(({ deed }) => deed.helpers));
  const because = [
    `pings of ${words.names(who)} got lost, ${words.times(sum(helped))}, while those of helpers (${words.names(helpers)}) were answered`,
    ...helped
      .filter(({ deed }) => deed.tcp === "acked")
      .slice(0, 1)
      .map(() => "TCP passed, so it is UDP that gets lost"),
    ...heardMeanwhile(helped, words.names.bind(words)),
  ];
  const [only] = who;
  const elsewhere = only === undefined ? [] : troubledBesides(evidence, only, "helped");
  if (who.length === 1 && only !== undefined && elsewhere.length > 1) {
    return {
      cause: "accuser",
      confidence: "likely",
      members: [only],
      summary: `Packets get lost at ${words.name(only)}, not at ${name}.`,
      because: [...because, `${words.name(only)} has the same with ${words.names(elsewhere)}`],
      advice: `Look at the link of ${words.name(only)}.`,
    };
  }
  const wide = who.length > 2 && who.length * 2 > evidence.others.length;
  return {
    cause: "path",
    confidence: sum(helped) > 1 ? "likely" : "possible",
    members: wide ? [] : who,
    summary: wide
      ? `Packets to or from ${name} get lost now and then.`
      : `Packets between ${words.names(who)} and ${name} get lost, in one direction or both; others reach it.`,
    because,
    advice: wide
      ? `Look at the link of ${name}.`
      : `Look at the way between ${words.names(who)} and ${name}: routes, firewalls, a lossy link.`,
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

function sum(told: readonly Told<"probe">[]): number {
  return told.reduce((count, { times }) => count + times, 0);
}

function ownLosses({ episode, own }: Evidence): readonly Loss[] {
  const { begin, end } = episode;
  return (own?.losses ?? []).filter(({ at }) => at >= begin - 15_000 && at <= end + 15_000);
}

/** An accusation that it heard at once, when nobody heard its answer; undefined if there is none. */
function inVain(evidence: Evidence): Told<"accused"> | undefined {
  const { goneAt } = evidence;
  if (goneAt === undefined) return undefined;
  return evidence.all("accused").find(({ at }) => {
    const well = evidence.wellAfter(at);
    return at <= goneAt + refutedWithin && (well === undefined || well - at > refutedWithin);
  });
}

/** Those that all who lost it lost as well, at about the same time. */
function matesOf(evidence: Evidence, losers: readonly Account[]): string[] {
  const counts = new Map<string, number>();
  for (const account of losers) {
    for (const { how, node } of evidence.lossesOf(account)) {
      if (how === "lost") counts.set(node, (counts.get(node) ?? 0) + 1);
    }
  }
  const names = new Set(losers.map(({ from }) => from));
  return [...counts]
    .filter(([name, count]) => !names.has(name) && count * 2 >= losers.length)
    .map(([name]) => name)
    .sort();
}

/** Others that answered and have had answers of it over UDP since. */
function fineBesides(evidence: Evidence, troubled: readonly string[]): readonly string[] {
  const { begin, end } = evidence.episode;
  return evidence.answered(begin, end + 60_000).filter((name) => !troubled.includes(name));
}

function troubledBesides(evidence: Evidence, name: string, how: Loss["how"]): string[] {
  const account = evidence.account(name);
  if (account === undefined) return [];
  return evidence
    .lossesOf(account)
    .filter((loss) => loss.how === how)
    .map(({ node }) => node);
}

function heardMeanwhile(
  probes: readonly Told<"probe">[],
  names: (names: Iterable<string>) => string,
): string[] {
  const heard = probes.filter(({ deed }) => deed.heard === true);
  if (heard.length === 0) return [];
  return [`packets of it came to ${names(heard.map(({ from }) => from))} meanwhile`];
}

function silenceBetween(evidence: Evidence, names: (names: Iterable<string>) => string): string[] {
  const who = evidence.probes("lost").map(({ from }) => from);
  return who.length === 0 ? [] : [`${names(who)} got no answer of it either`];
}
