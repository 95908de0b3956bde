import type { Evidence, Told } from "../evidence.js";
import type { Rule, Words } from "../verdict.js";

/** Its host says that nobody listens there. */
export const processGone: Rule = (evidence, words) => {
  const { node } = evidence;
  const refusals = evidence.all("probe").filter(({ deed }) => deed.tcp === "refused");
  const verdicts = evidence.all("gone").filter(({ deed }) => deed.why === "refused");
  const who = [...refusals, ...verdicts].map(({ from }) => from);
  if (who.length === 0) return undefined;
  const name = words.name(node);
  const because = [
    `its host refused the connections of ${words.names(who)}`,
    ...answersBefore(evidence, words),
  ];
  if (ranThroughout(evidence)) {
    return {
      cause: "path",
      confidence: "likely",
      members: [...new Set(who)],
      summary: `Something refuses TCP connections to ${name}, though its agent ran all the time.`,
      because: [...because, `its agent ran on, as it says itself`],
      advice: `Look for a firewall that rejects TCP to the gossip port of ${name}.`,
    };
  }
  return {
    cause: "process-gone",
    confidence: verdicts.length > 0 ? "certain" : "likely",
    members: [],
    summary: `The agent of ${name} ${evidence.episode.over ? "was" : "is"} not running; its host ${evidence.episode.over ? "was" : "is"} there.`,
    because,
    advice: evidence.episode.over
      ? undefined
      : `On the host of ${name}: see why the process ended (killed, out of memory, crashed), and start it.`,
  };
};

/** Its host takes connections where it was, and who takes them does not speak to us. */
export const stranger: Rule = (evidence, words) => {
  const closed = evidence.lost("closed");
  if (closed.length === 0 || closed.length * 2 < evidence.probes("lost").length) return undefined;
  const name = words.name(evidence.node);
  return {
    cause: "stranger",
    confidence: "likely",
    members: [],
    summary: `Something else listens where ${name} was, or it has another key.`,
    because: [
      `connections of ${words.names(closed.map(({ from }) => from))} were taken and closed without an answer`,
      ...answersBefore(evidence, words),
    ],
    advice: `See on the host of ${name} what listens on its gossip port, and compare keys and labels.`,
  };
};

/** It says itself that it stood still, or its kernel took connections and it said nothing. */
export const stoodStill: Rule = (evidence, words) => {
  const { node, own } = evidence;
  const name = words.name(node);
  const stalls = own === undefined ? [] : evidence.stallsOf(own);
  const longest = stalls.toSorted((one, other) => other.deed.took - one.deed.took)[0];
  if (longest !== undefined && explainsSilence(stalls, evidence)) {
    const { how, took } = longest.deed;
    const because = [
      `it says so itself: ${stallWords[how]} for ${words.span(took)}, until ${words.clock(longest.at)}`,
      ...silenceOf(evidence, words),
    ];
    return how === "busy"
      ? {
          cause: "overloaded",
          confidence: "certain",
          members: [],
          summary: `${name} was too busy to answer.`,
          because,
          advice: `On the host of ${name}: look at the processor load, and at what the agent was doing (log).`,
        }
      : {
          cause: "paused",
          confidence: "certain",
          members: [],
          summary: `${name} stood still: its process${how === "clock" ? " or machine" : ""} was paused.`,
          because,
          advice: `On the host of ${name}: look for SIGSTOP, a suspended or migrated virtual machine, a frozen container, swapping.`,
        };
  }
  const silent = evidence.lost("silent");
  if (silent.length === 0 || silent.length < evidence.lost("unreachable").length) return undefined;
  return {
    cause: "paused",
    confidence: "likely",
    members: [],
    summary: evidence.episode.over
      ? `The process of ${name} stood still.`
      : `The process of ${name} is there and does nothing: stopped, frozen, or hanging.`,
    because: [...silenceOf(evidence, words), ...answersBefore(evidence, words)],
    advice: `On the host of ${name}: look for SIGSTOP (state T), a frozen container, a debugger, a disk that hangs.`,
  };
};

/** Late acks, and nothing worse. */
export const slow: Rule = (evidence, words) => {
  const late = evidence.probes("late");
  if (late.length === 0) return undefined;
  const count = late.reduce((sum, { times }) => sum + times, 0);
  const who = new Set(late.map(({ from }) => from));
  const worst = Math.max(...late.map(({ deed }) => deed.took));
  return {
    cause: "overloaded",
    confidence: who.size > 1 ? "likely" : "possible",
    members: [],
    summary: `${words.name(evidence.node)} answered late: overloaded, or a slow network.`,
    because: [
      `acks came late to ${words.names(who)}, ${words.times(count)}, after up to ${words.span(worst)}`,
    ],
    advice: "Look at the processor load there, and at the network between these members.",
  };
};

/**
 * True if it stood still for most of the time that it was not heard: short stalls are common on a busy
 * machine, and no cause of a long silence.
 */
function explainsSilence(stalls: readonly Told<"stalled">[], evidence: Evidence): boolean {
  const { silence } = evidence;
  if (silence === undefined) {
    // Nobody missed it. If acks were lost on one path only, that is no stall either.
    return evidence.all("probe").every(({ deed }) => deed.outcome === "late");
  }
  const covered = stalls.reduce((sum, { at, deed }) => {
    const begin = Math.max(silence.from, at - deed.took);
    return sum + Math.max(0, Math.min(silence.until, at) - begin);
  }, 0);
  return covered * 2 >= silence.until - silence.from;
}

const stallWords = {
  paused: "it got no processor time",
  busy: "it was at work and got to nothing else",
  clock: "its clock jumped, as after a suspend,",
} as const;

/** True if it says that its agent was there before the episode began. */
function ranThroughout({ episode, own }: Evidence): boolean {
  if (own === undefined) return false;
  const started = own.facts.some(
    ({ at, deed }) => deed.kind === "started" && at >= episode.begin - 1_000,
  );
  return !started && own.reach < episode.begin;
}

function silenceOf(evidence: Evidence, words: Words): string[] {
  const silent = evidence.lost("silent");
  if (silent.length === 0) return [];
  const who = words.names(silent.map(({ from }) => from));
  return [`its kernel took the connections of ${who}, and nothing answered on them`];
}

/** When it answered for the last time, and how fast. */
export function answersBefore(evidence: Evidence, words: Words): string[] {
  const first = firstLost(evidence);
  const last = evidence.lastAnswer(first?.at ?? evidence.episode.begin);
  if (last === undefined) return [];
  const { at, from, rtt } = last;
  return [
    `its last answer to a ping was at ${words.clock(at)}, to ${words.name(from)} in ${words.span(rtt)}`,
  ];
}

function firstLost(evidence: Evidence): Told<"probe"> | undefined {
  return evidence.probes("lost")[0];
}
