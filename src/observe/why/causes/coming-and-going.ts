import type { WallTime } from "../../chronicle.js";
import type { Evidence, Told } from "../evidence.js";
import type { Rule, Verdict, Words } from "../verdict.js";

/** By so much times that two members tell may be out of order. */
const clockFault = 300;

/** So soon after its start others have heard of it, and it of them. */
const arrival = 5_000;

/** Two processes that have one name: both answer by it, or it moves to and fro. */
export const contested: Rule = (evidence, words) => {
  const found = evidence.all("contested");
  const [first] = found;
  if (first !== undefined) {
    const { claimed, held } = first.deed;
    const who = [...new Set(found.map(({ from }) => from))];
    return ofTwo(evidence, words, held, claimed, {
      confidence: "certain",
      because: [`${words.names(who)} asked at both addresses by that name, and both answered`],
    });
  }
  const moves = evidence.all("moved");
  const back = moves.find(({ at, deed }) =>
    moves.some((other) => other.at < at && other.deed.from === deed.to),
  );
  if (back === undefined) return undefined;
  const { from, to } = back.deed;
  return ofTwo(evidence, words, from, to, {
    confidence: "likely",
    because: [
      `it was seen to move to and fro between ${from} and ${to}, ${words.times(moves.length)}`,
    ],
  });
};

function ofTwo(
  { node }: Evidence,
  words: Words,
  one: string,
  other: string,
  found: Pick<Verdict, "because" | "confidence">,
): Verdict {
  return {
    cause: "contested",
    members: [],
    summary: `Two agents have the name ${words.name(node)}: at ${one} and at ${other}.`,
    advice: "Give each agent a name of its own (-node).",
    ...found,
  };
}

/** `before` finds what had made it go. */
export function movedOr(before: (evidence: Evidence) => Verdict | undefined): Rule {
  return (evidence, words) => {
    const move = moveOf(evidence);
    if (move === undefined) return undefined;
    const { from, how, to, who } = move;
    const cause = before(evidence);
    return {
      cause: "moved",
      confidence: "certain",
      members: [],
      summary: `${words.name(evidence.node)} was started again elsewhere: at ${to} instead of ${from}.`,
      because: [
        `${words.names(who)} saw it at ${to} ${how}`,
        ...(cause === undefined ? [] : [`before: ${lowered(cause.summary)}`, ...cause.because]),
      ],
    };
  };
}

/** `before` finds what had made it go. */
export function restartedOr(before: (evidence: Evidence) => Verdict | undefined): Rule {
  return (evidence, words) => {
    const { node } = evidence;
    const start = evidence.all("started").at(-1);
    if (start !== undefined && wasThereBefore(evidence, start)) {
      const cause = before(evidence);
      const left = departures(evidence).length > 0;
      return {
        cause: "restarted",
        confidence: "certain",
        members: [],
        summary: `${words.name(node)} ${left ? "left on purpose and" : "was stopped or killed and"} was started again, at the same address.`,
        because: [
          `its agent is new since ${words.clock(start.at)}`,
          ...(cause === undefined ? [] : cause.because),
        ],
      };
    }
    return returned(evidence, words, before);
  };
}

/** It does not tell itself that it was started, as Serf's members do not. */
function returned(
  evidence: Evidence,
  words: Words,
  before: (evidence: Evidence) => Verdict | undefined,
): Verdict | undefined {
  const back = evidence.all("appeared").filter(({ deed }) => deed.before !== undefined);
  const [first] = back;
  if (evidence.own !== undefined || first === undefined) return undefined;
  const cause = before(evidence);
  if (cause?.cause !== "left" && cause?.cause !== "process-gone") return undefined;
  const went = cause.cause === "left" ? "left on purpose" : "was stopped or killed";
  return {
    cause: "restarted",
    confidence: "likely",
    members: [],
    summary: `${words.name(evidence.node)} ${went} and was started again, at the same address.`,
    because: [
      `it is back since ${words.clock(first.at)}, as ${words.names(back.map(({ from }) => from))} saw`,
      ...cause.because,
    ],
  };
}

export const left: Rule = (evidence, words) => {
  const { node } = evidence;
  const told = departures(evidence);
  const [first] = told;
  if (first === undefined) return undefined;
  const hearers = new Set(told.map(({ from }) => from).filter((from) => from !== node));
  return {
    cause: "left",
    confidence: "certain",
    members: [],
    summary: `${words.name(node)} left on purpose.`,
    because: [
      hearers.size === 0
        ? `it began to leave at ${words.clock(first.at)}`
        : `it said so itself at ${words.clock(first.at)}, and ${words.names(hearers)} heard that`,
    ],
  };
};

/** New, and nothing was the matter. */
export const joined: Rule = (evidence, words) => {
  const { episode, node } = evidence;
  const harmless = episode.seen.every(
    ({ fact }) => fact.deed.kind === "started" || fact.deed.kind === "appeared",
  );
  if (!harmless) return undefined;
  const who = evidence.all("appeared").map(({ from }) => from);
  const again = evidence.all("appeared").some(({ deed }) => deed.before !== undefined);
  return {
    cause: "joined",
    confidence: "certain",
    members: [],
    summary: `${words.name(node)} ${again ? "came back" : "joined"}.`,
    because:
      who.length === 0
        ? [`its agent was started at ${words.clock(episode.begin)}`]
        : [`${words.names(who)} saw it come at ${words.clock(episode.begin)}`],
  };
};

function departures(evidence: Evidence): (Told<"leaving"> | Told<"gone">)[] {
  const own = evidence.all("leaving");
  const heard = evidence
    .all("gone")
    .filter(({ deed }) => deed.state === "left" && deed.by === evidence.node);
  return [...own, ...heard];
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly who: readonly string[];
  readonly how: string;
}

function moveOf(evidence: Evidence): Move | undefined {
  const replaced = evidence.all("moved");
  const came = evidence.all("appeared").filter(({ deed }) => deed.from !== undefined);
  const last = [...replaced, ...came].sort((one, other) => one.at - other.at).at(-1);
  if (last === undefined) return undefined;
  const { deed } = last;
  const to = deed.kind === "moved" ? deed.to : deed.address;
  const who = [
    ...replaced.filter((one) => one.deed.to === to),
    ...came.filter((one) => one.deed.address === to),
  ].map(({ from }) => from);
  const how = came.length > 0 ? "after it was gone" : "before it was missed";
  return { from: deed.from ?? "elsewhere", to, who, how };
}

/** Others knew it before this start. */
function wasThereBefore(evidence: Evidence, { at: start }: Told<"started">): boolean {
  const { episode, node, others } = evidence;
  const signs = episode.seen.some(
    ({ fact, from }) => from !== node && fact.at < start - clockFault,
  );
  const answered = others.some(({ roundTrips }) =>
    roundTrips.some(({ at }) => at < start - clockFault),
  );
  if (signs || answered) return true;
  const soon = (at: WallTime): boolean => at >= start - clockFault && at <= start + arrival;
  const arrivals = evidence.all("appeared").filter(({ at }) => soon(at));
  if (arrivals.length > 0) return arrivals.some(({ deed }) => deed.before !== undefined);
  // Its numbers begin anew, and the others answer that they know higher ones.
  return evidence.all("accused").some(({ at }) => soon(at));
}

function lowered(summary: string): string {
  return summary.replace(/\.$/, "");
}
