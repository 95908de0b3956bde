import type { Loss } from "../account.js";
import type { Evidence, Told } from "../evidence.js";
import type { Rule, Verdict, Words } from "../verdict.js";

/** One member alone did not get through, and others did meanwhile: it is the way between these two. */
export const pairPath: Rule = (evidence, words) => {
  const { goneAt, node } = evidence;
  const troubled = [...evidence.probes("lost"), ...evidence.probes("helped")];
  const [first] = troubled.toSorted((one, other) => one.at - other.at);
  const who = [...new Set(troubled.map(({ from }) => from))];
  const [only] = who;
  if (goneAt !== undefined || first === undefined || only === undefined || who.length > 1) {
    return undefined;
  }
  const fine = evidence
    .answered(first.at - first.deed.took, evidence.episode.end)
    .filter((name) => name !== only);
  if (fine.length === 0) return undefined;
  const verdict = ofOne(evidence, words, only, troubled);
  if (verdict.cause === "accuser") return verdict;
  return {
    ...verdict,
    because: [
      ...verdict.because,
      `${words.names(fine)} had answers of ${words.name(node)} meanwhile`,
    ],
  };
};

/** Helpers reach it where several others do not. */
export const lossyPaths: Rule = (evidence, words) => {
  const { node } = evidence;
  const helped = evidence.probes("helped");
  if (helped.length === 0 || sum(helped) < sum(evidence.lost("unreachable", "refused"))) {
    return undefined;
  }
  const name = words.name(node);
  const who = [...new Set(helped.map(({ from }) => from))];
  const [only] = who;
  if (who.length === 1 && only !== undefined) return ofOne(evidence, words, only, helped);
  const wide = who.length > 2 && who.length * 2 > evidence.others.length;
  return {
    cause: "path",
    confidence: sum(helped) > who.length ? "likely" : "possible",
    members: wide ? [] : who,
    summary: wide
      ? `Packets to or from ${name} get lost now and then.`
      : `Packets between ${words.names(who)} and ${name} get lost; others reach it.`,
    because: reasons(helped, words),
    advice: wide
      ? `Look at the link of ${name}.`
      : `Look at the way between ${words.names(who)} and ${name}: routes, firewalls, a lossy link.`,
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

/** `only` is the only one that had trouble with it. */
function ofOne(
  evidence: Evidence,
  words: Words,
  only: string,
  troubled: readonly Told<"probe">[],
): Verdict {
  const [name, other] = [words.name(evidence.node), words.name(only)];
  const because = reasons(troubled, words);
  const elsewhere = [
    ...troubledBesides(evidence, only, "helped"),
    ...troubledBesides(evidence, only, "lost"),
  ];
  if (elsewhere.length > 1) {
    return {
      cause: "accuser",
      confidence: "likely",
      members: [only],
      summary: `Packets get lost at ${other}, not at ${name}.`,
      because: [...because, `${other} has the same with ${words.names(elsewhere)}`],
      advice: `Look at the link of ${other}.`,
    };
  }
  return {
    cause: "path",
    confidence: sum(troubled) > 1 ? "likely" : "possible",
    members: [only],
    summary: `Packets between ${other} and ${name} get lost, in one direction or both.`,
    because,
    advice: `Look at the way between ${other} and ${name}: routes, firewalls, a lossy link.`,
  };
}

function reasons(troubled: readonly Told<"probe">[], words: Words): string[] {
  const who = words.names(troubled.map(({ from }) => from));
  const helped = troubled.filter(({ deed }) => deed.outcome === "helped");
  const helpers = helped.flatMap(({ deed }) => deed.helpers);
  const heard = troubled.filter(({ deed }) => deed.heard === true);
  return [
    `pings of ${who} got lost, ${words.times(sum(troubled))}`,
    ...(helpers.length > 0
      ? [`helpers (${words.names(helpers)}) had an answer, ${words.times(sum(helped))}`]
      : []),
    ...(troubled.some(({ deed }) => deed.tcp === "acked")
      ? ["TCP passed, so it is UDP that gets lost"]
      : []),
    ...(heard.length > 0
      ? [`packets of it came to ${words.names(heard.map(({ from }) => from))} meanwhile`]
      : []),
  ];
}

function sum(told: readonly Told<"probe">[]): number {
  return told.reduce((count, { times }) => count + times, 0);
}

/** Others that had answers of it over UDP during the episode, and nothing to complain of. */
function fineBesides(evidence: Evidence, troubled: readonly string[]): readonly string[] {
  const { begin, end } = evidence.episode;
  return evidence.answered(begin, end + 60_000).filter((name) => !troubled.includes(name));
}

/** Whom else `name` had the same trouble with. */
function troubledBesides(evidence: Evidence, name: string, how: Loss["how"]): string[] {
  const account = evidence.account(name);
  if (account === undefined) return [];
  return evidence
    .lossesOf(account)
    .filter((loss) => loss.how === how)
    .map(({ node }) => node);
}
