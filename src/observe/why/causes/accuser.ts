import type { Rule } from "../verdict.js";

/** Who accused it was at fault: it stood still, or was cut off itself. */
export const accuserAtFault: Rule = (evidence, words) => {
  const { node } = evidence;
  const accusers = evidence.accusers;
  const [only] = accusers;
  if (only === undefined || accusers.length > 1) return undefined;
  const account = evidence.account(only);
  if (account === undefined) return undefined;
  const accuser = words.name(only);
  const [stall] = evidence.stallsOf(account);
  const name = words.name(node);
  const fault = { cause: "accuser", members: [only] } as const;
  if (stall !== undefined) {
    return {
      ...fault,
      confidence: "certain",
      summary: `${accuser} accused ${name} because ${accuser} itself stood still.`,
      because: [
        `${accuser} says that it ${stall.deed.how === "busy" ? "was busy" : "got no processor time"} for ${words.span(stall.deed.took)}, until ${words.clock(stall.at)}`,
        "nobody else lost it",
      ],
      advice: `Look at the host of ${accuser}.`,
    };
  }
  const late = evidence.probes("lost").find(({ deed }) => (deed.delay ?? 0) * 2 >= deed.took);
  if (late?.deed.delay !== undefined) {
    return {
      ...fault,
      confidence: "likely",
      summary: `${accuser} accused ${name} because ${accuser} itself was late.`,
      because: [
        `its own timers came ${words.span(late.deed.delay)} late then, so an answer may have waited there`,
        "nobody else lost it",
      ],
      advice: `Look at the processor load of ${accuser}.`,
    };
  }
  const losses = evidence.lossesOf(account).filter(({ how }) => how === "lost");
  const deaf =
    losses.some(({ unheard }) => unheard) ||
    evidence.probes("lost").some(({ deed }) => deed.unheard);
  const others = evidence.others.filter(({ from }) => from !== only);
  if (!deaf && losses.length < 2) return undefined;
  // Whoever is left alone cannot tell its own fault from that of all others.
  if (others.length === 0 && evidence.own === undefined && !evidence.episode.over) return undefined;
  return {
    ...fault,
    confidence: deaf ? "certain" : "likely",
    summary: `${accuser} was cut off itself, and could not reach ${name} for that.`,
    because: [
      deaf
        ? `${accuser} heard nobody at all then`
        : `${accuser} lost ${words.names(losses.map((loss) => loss.node))} as well`,
      "nobody else lost it",
    ],
    advice: `Look at the link of ${accuser}.`,
  };
};

/** One alone accused it, and it was there: nothing says more. */
export const refuted: Rule = (evidence, words) => {
  const { node } = evidence;
  const { accusers, episode } = evidence;
  if (accusers.length === 0 || !episode.over || evidence.goneAt !== undefined) return undefined;
  const name = words.name(node);
  return {
    cause: accusers.length === 1 ? "path" : "unknown",
    confidence: "possible",
    members: accusers,
    summary:
      accusers.length === 1
        ? `Packets between ${words.names(accusers)} and ${name} got lost for a moment.`
        : `${name} did not answer for a moment.`,
    because: [`${words.names(accusers)} accused it, and it refuted that`],
  };
};
