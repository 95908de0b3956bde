import type { Deed } from "../observe/deed.js";
import { counted, duration } from "./format.js";

/** What a reader looks for in the time line. */
export type Topic = "members" | "suspicions" | "probes" | "handlers" | "balancer" | "agent";

/** How it is meant: `bad` and `good` change who is there, `warn` may come to that, `quiet` is a step on the way. */
export type Tone = "bad" | "warn" | "good" | "info" | "quiet";

/** A part of a sentence: text, or the name of a member that can be looked at. */
export type Part = string | { readonly member: string };

export interface Words {
  readonly topic: Topic;
  readonly tone: Tone;
  readonly what: readonly Part[];
  /** Why, or on what evidence; empty if there is nothing to say. */
  readonly cause: readonly Part[];
}

/** What a deed says to people, seen by the agent `self`. */
export function wordsOf(deed: Deed, self: string): Words {
  const { kind } = deed;
  switch (kind) {
    case "probe":
      return probe(deed);
    case "suspected":
    case "confirmed":
    case "cleared":
    case "accused":
      return suspicion(deed, self);
    case "gone":
    case "appeared":
    case "moved":
    case "contested":
      return membership(deed, self);
    case "told":
      return told(deed);
    case "handler":
      return handler(deed);
    case "applied":
      return applied(deed);
    case "health":
    case "stalled":
    case "started":
    case "leaving":
      return agent(deed);
    default:
      return say("agent", "quiet", [stranger(deed)]);
  }
}

/** An agent newer than this page can tell of what the page has no words for. */
function stranger(deed: never): string {
  return String((deed as { kind?: unknown }).kind ?? "something");
}

type OfKind<Kind extends Deed["kind"]> = Extract<Deed, { readonly kind: Kind }>;

function probe(deed: OfKind<"probe">): Words {
  const { delay, helpers, nacks, node, outcome, took, tcp, unheard } = deed;
  const asked = members(helpers);
  switch (outcome) {
    case "late":
      return say("probes", "quiet", ["Late answer from ", at(node)], [`after ${duration(took)}`]);
    case "helped":
      return say(
        "probes",
        "warn",
        [at(node), " answered only through others"],
        ["the direct ping was lost; asked ", ...asked],
      );
    case "tcp":
      return say(
        "probes",
        "warn",
        [at(node), " answered only over TCP"],
        ["UDP is blocked or lost on the way to it"],
      );
    case "lost": {
      const cause: Part[] = unheard ? ["we heard nobody at all meanwhile"] : ["direct ping lost"];
      if (helpers.length > 0) cause.push("; asked ", ...asked);
      if (nacks > 0) cause.push(`, ${nacks === 1 ? "one" : nacks} got no answer either`);
      const over = tcpWords[tcp];
      if (over !== "") cause.push(`; ${over}`);
      if (delay !== undefined) cause.push(`; our own timers came ${duration(delay)} late`);
      return say("probes", "warn", ["No answer from ", at(node)], cause);
    }
  }
}

const tcpWords = {
  acked: "TCP answered",
  silent: "TCP connects and stays silent, as with a stopped process",
  closed: "TCP connects and is ended without an answer, as by somebody else who listens there",
  refused: "TCP is refused: nobody listens there",
  unreachable: "TCP cannot reach it",
  untried: "",
} as const;

function suspicion(
  deed: OfKind<"suspected"> | OfKind<"confirmed"> | OfKind<"cleared"> | OfKind<"accused">,
  self: string,
): Words {
  switch (deed.kind) {
    case "suspected":
      return say(
        "suspicions",
        "warn",
        [at(deed.by), " suspects ", at(deed.node)],
        deed.unheard
          ? ["kept to ourselves, because we hear nobody"]
          : deed.by === self
            ? ["our own verdict: it must refute in time, or it counts as failed"]
            : ["told by gossip"],
      );
    case "confirmed":
      return say(
        "suspicions",
        "warn",
        [at(deed.by), " suspects ", at(deed.node), " too"],
        [counted(deed.confirmations, "confirmation")],
      );
    case "cleared":
      return say(
        "suspicions",
        "good",
        [at(deed.node), " is no longer suspected"],
        [
          deed.why === "refuted" ? "it refuted " : "we were cut off and hear again ",
          `after ${duration(deed.after)}`,
        ],
      );
    case "accused":
      return say(
        "suspicions",
        "warn",
        [at(deed.by), ` called us ${deed.of}`],
        ["we are here, and refuted that"],
      );
  }
}

function membership(
  deed: OfKind<"gone"> | OfKind<"appeared"> | OfKind<"moved"> | OfKind<"contested">,
  self: string,
): Words {
  switch (deed.kind) {
    case "gone": {
      if (deed.state === "left") {
        return say("members", "info", [at(deed.node), " left"], ["on purpose"]);
      }
      const agreed =
        deed.confirmations > 0 ? `, with ${counted(deed.confirmations, "confirmation")}` : "";
      const cause: Part[] =
        deed.why === "refused"
          ? ["its host refuses connections: the process is gone"]
          : deed.why === "timeout"
            ? [`nobody refuted the suspicion in time${agreed}`]
            : ["told by ", deed.by === self ? "ourselves" : at(deed.by)];
      return say("members", "bad", [at(deed.node), " failed"], cause);
    }
    case "appeared": {
      const where =
        deed.from === undefined ? deed.address : `${deed.address}, before at ${deed.from}`;
      return deed.before === undefined
        ? say("members", "good", [at(deed.node), " joined"], [where])
        : say(
            "members",
            "good",
            [at(deed.node), " is back"],
            [`had ${deed.before === "failed" ? "failed" : "left"}; at ${where}`],
          );
    }
    case "moved":
      return say(
        "members",
        "info",
        [at(deed.node), " moved"],
        [`from ${deed.from} to ${deed.to}: restarted elsewhere before it was missed`],
      );
    case "contested":
      return say(
        "members",
        "bad",
        ["Two agents have the name ", at(deed.node)],
        [`${deed.held} and ${deed.claimed} both answer by it; each needs a name of its own`],
      );
  }
}

const toldWords = {
  "member-join": "joined",
  "member-leave": "left",
  "member-failed": "failed",
  "member-update": "changed",
  "member-reap": "forgotten",
} as const;

function told({ event, nodes, count }: OfKind<"told">): Words {
  const who = members(nodes, count);
  const what = toldWords[event];
  if (event === "member-update") {
    return say("members", "info", [...who, ` ${what}`], ["its tags or address"]);
  }
  if (event === "member-reap") {
    return say(
      "members",
      "info",
      [...who, ` ${what}`],
      ["gone for so long that it is not awaited"],
    );
  }
  return say("handlers", "quiet", ["Told handlers: ", ...who, ` ${what}`], [event]);
}

function handler({ script, event, nodes, count, took, failure }: OfKind<"handler">): Words {
  const cause: Part[] = [`for ${event}`];
  if (count > 0) cause.push(" of ", ...members(nodes, count));
  cause.push(`, took ${duration(took)}`);
  return failure === undefined
    ? say("handlers", "info", [`Handler ${script} ran`], cause)
    : say("handlers", "bad", [`Handler ${script} failed`], [`${failure}; `, ...cause]);
}

function applied(deed: OfKind<"applied">): Words {
  const { balancer, way, took, cause, nodes, count, failure } = deed;
  const why: Part[] = [cause];
  if (count > 0) why.push(" (", ...members(nodes, count), ")");
  if (failure !== undefined) {
    return say("balancer", "bad", [`Balancer ${balancer}: not applied`], [`${failure}; `, ...why]);
  }
  const how =
    way === "reload" ? "reloaded" : way === "runtime" ? "changed at run time" : "left alone";
  return say(
    "balancer",
    way === "none" ? "quiet" : "info",
    [`Balancer ${balancer} ${how}`],
    [...why, `, took ${duration(took)}`],
  );
}

function agent(
  deed: OfKind<"health"> | OfKind<"stalled"> | OfKind<"started"> | OfKind<"leaving">,
): Words {
  switch (deed.kind) {
    case "health":
      return deed.score === 0
        ? say("agent", "good", ["This agent is in good health again"])
        : say(
            "agent",
            "warn",
            [`This agent's health score is ${deed.score}`],
            ["it is late itself, and so gives others more time"],
          );
    case "stalled":
      return say(
        "agent",
        "warn",
        [`This agent stood still for ${duration(deed.took)}`],
        [stallWords[deed.how]],
      );
    case "started":
      return say("agent", "info", ["This agent started"], [`as ${deed.address}`]);
    case "leaving":
      return say("agent", "info", ["This agent began to leave"], ["on purpose"]);
  }
}

const stallWords = {
  paused: "it got no processor: the process or its machine was stopped",
  busy: "it was at work on something else",
  clock: "the wall clock jumped, as after a suspend",
} as const;

function say(topic: Topic, tone: Tone, what: readonly Part[], cause: readonly Part[] = []): Words {
  return { topic, tone, what, cause };
}

function at(member: string): Part {
  return { member };
}

/** `a, b and 3 more`, of which the named ones can be looked at. */
function members(names: readonly string[], count = names.length): Part[] {
  if (names.length === 0) return [counted(count, "member")];
  const shown = names.slice(0, count > 3 ? 2 : 3);
  const rest = count - shown.length;
  const parts = shown.flatMap((name, index): Part[] => {
    if (index === 0) return [at(name)];
    return [rest === 0 && index === shown.length - 1 ? " and " : ", ", at(name)];
  });
  return rest > 0 ? [...parts, ` and ${rest} more`] : parts;
}

/** As one line of plain text. */
export function plain(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === "string" ? part : part.member)).join("");
}
