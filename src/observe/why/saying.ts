import type { Deed } from "../deed.js";
import type { Row } from "./timeline.js";
import type { Words } from "./verdict.js";

/** What happened, without who tells it and when. */
export function sayRow({ deed, times, until }: Row, words: Words): string {
  const said = sayDeed(deed, words);
  return times === 1 ? said : `${said} (${words.times(times)}, until ${words.clock(until)})`;
}

function sayDeed(deed: Deed, words: Words): string {
  const name = (text: string): string => words.name(text);
  switch (deed.kind) {
    case "probe":
      return sayProbe(deed, words);
    case "suspected":
      if (deed.unheard) return `suspects ${name(deed.node)}, to itself: it hears nobody at all`;
      if (deed.exchanged === true) return `suspects ${name(deed.node)}, as a full exchange told it`;
      return `${name(deed.by)} suspects ${name(deed.node)}`;
    case "confirmed":
      return `${name(deed.by)} suspects ${name(deed.node)} as well`;
    case "cleared":
      return deed.why === "refuted"
        ? `${name(deed.node)} refuted: it is alive, after ${words.span(deed.after)} as a suspect`
        : `suspects ${name(deed.node)} no longer: it had heard nobody at all for ${words.span(deed.after)}`;
    case "gone":
      return sayGone(deed, words);
    case "appeared": {
      const again = deed.before === undefined ? "is new" : `is back (it was ${deed.before})`;
      const elsewhere = deed.from === undefined ? "" : ` instead of ${deed.from}`;
      return `${name(deed.node)} ${again}, at ${deed.address}${elsewhere}`;
    }
    case "moved":
      return `${name(deed.node)} moved from ${deed.from} to ${deed.to}`;
    case "contested":
      return `two agents have the name ${name(deed.node)}: ${deed.held} and ${deed.claimed} both answer by it`;
    case "accused":
      return `${name(deed.node)} hears that ${name(deed.by)} takes it for ${deed.of}, and refutes that`;
    case "health":
      return deed.score === 0
        ? `${name(deed.node)} rates its own health as good again`
        : `${name(deed.node)} rates its own health as ${deed.score} (0 is good)`;
    case "told":
      return `tells handlers and streams: ${deed.event}${sayCount(deed.count)}`;
    case "handler":
      return `ran ${name(deed.script)} for ${deed.event}${sayCount(deed.count)}, ${words.span(deed.took)}${failed(deed)}`;
    case "applied":
      return `balancer ${name(deed.balancer)} ${applied[deed.way]}${sayCount(deed.count)}, ${words.span(deed.took)} (${deed.cause})${failed(deed)}`;
    case "stalled":
      return `${name(deed.node)} ${stalled[deed.how]} for ${words.span(deed.took)} until then`;
    case "started":
      return `the agent of ${name(deed.node)} starts, at ${deed.address}`;
    case "leaving":
      return `${name(deed.node)} begins to leave`;
  }
}

const applied = {
  none: "looked and changed nothing",
  runtime: "applied the change at run time",
  reload: "applied the change by a reload",
} as const;

const stalled = {
  paused: "stood still",
  busy: "was busy",
  clock: "was suspended, or its clock was set,",
} as const;

type DeedOf<K extends Deed["kind"]> = Extract<Deed, { readonly kind: K }>;

function sayProbe(probe: DeedOf<"probe">, words: Words): string {
  const { helpers, nacks, node, outcome, took } = probe;
  if (outcome === "late")
    return `ping of ${words.name(node)} answered late, after ${words.span(took)}`;
  const parts = [`ping of ${words.name(node)} not answered`];
  // A refusal ends the matter before helpers can have said anything.
  if (helpers.length > 0 && (nacks > 0 || probe.tcp !== "refused")) {
    const found =
      outcome === "helped" ? "one of them got an answer" : sayNacks(helpers.length, nacks);
    parts.push(`asked ${words.names(helpers)}: ${found}`);
  }
  if (probe.tcp !== "untried") parts.push(`TCP: ${tcp[probe.tcp]}`);
  if (probe.unheard) parts.push("nobody at all was heard meanwhile");
  if ((probe.delay ?? 0) * 5 >= took)
    parts.push(`own timers came ${words.span(probe.delay ?? 0)} late`);
  if (probe.heard === true) parts.push("but packets of it came meanwhile");
  return parts.join("; ");
}

function sayNacks(helpers: number, nacks: number): string {
  if (nacks === 0) return "nothing came of that";
  if (nacks >= helpers) return "no answer either";
  return `${nacks} got no answer either, of the rest nothing was heard`;
}

const tcp = {
  acked: "answered",
  silent: "connected, no answer",
  closed: "connected, and closed without an answer",
  refused: "connection refused",
  unreachable: "no connection",
} as const;

function sayGone({ by, confirmations, node, state, why }: DeedOf<"gone">, words: Words): string {
  const name = words.name(node);
  if (state === "left") return `${name} left${by === node ? " on purpose" : ""}`;
  const agreed =
    confirmations === 0
      ? ""
      : ` (${confirmations} ${confirmations === 1 ? "other" : "others"} agreed)`;
  switch (why) {
    case "refused":
      return `${name} failed: its host refuses connections${agreed}`;
    case "timeout":
      return `${name} failed: it did not refute in time${agreed}`;
    case "told":
      return `${name} failed, says ${words.name(by)}`;
  }
}

function sayCount(count: number): string {
  return count > 1 ? ` of ${count} members` : "";
}

function failed({ failure }: { readonly failure?: string | undefined }): string {
  return failure === undefined ? "" : `: FAILED: ${failure}`;
}
