import type { Instant } from "../base/units.js";
import type { DiskFate } from "./disk.js";
import type { NetworkFault } from "./network.js";

/** Whether, and where, a process that ended is started again. */
export type Comeback = "never" | "same" | "elsewhere";

/** What happens to one process. */
export type ProcessFault =
  | {
      readonly kind: "crash";
      readonly node: number;
      readonly disk: DiskFate;
      /** True: the whole host ends, and nobody is told that connections are gone. */
      readonly hostEnds: boolean;
      readonly comeback: Comeback;
    }
  | { readonly kind: "leave"; readonly node: number; readonly comeback: Comeback }
  /** The event loop stands still: nothing is read, no timer runs, the system takes what comes. */
  | { readonly kind: "pause"; readonly node: number }
  /** It neither sends nor handles messages, and its timers run. */
  | { readonly kind: "block"; readonly node: number }
  /** Its keyring cannot be saved. */
  | { readonly kind: "full-disk"; readonly node: number };

/** What an operator does; it takes no time. */
export type Action =
  | {
      readonly kind: "event";
      readonly node: number;
      readonly name: string;
      readonly bytes: number;
      readonly coalesce: boolean;
    }
  /** So many events at once, possibly more than anybody remembers. */
  | {
      readonly kind: "burst";
      readonly node: number;
      readonly name: string;
      readonly count: number;
    }
  | {
      readonly kind: "query";
      readonly node: number;
      readonly name: string;
      readonly relayFactor: number;
    }
  | { readonly kind: "tags"; readonly node: number; readonly value: string }
  | {
      readonly kind: "force-leave";
      readonly node: number;
      readonly target: number;
      readonly prune: boolean;
    }
  /** The group is to encrypt with another key, and to forget the one it had; `node` is who tells it. */
  | { readonly kind: "rotation"; readonly node: number; readonly key: number }
  /** A second process by the name of `node` is started, at an address of its own. */
  | { readonly kind: "twin"; readonly node: number };

/**
 * One thing that is done to the group. It stands for itself: any step can be left out, and the others
 * still mean the same; one that is not possible (a leave of somebody who is down) does nothing.
 */
export type Step = (NetworkFault | ProcessFault | Action) & {
  /** In virtual time, as {@link end}. */
  readonly begin: Instant;
  /** The same instant for what takes no time. */
  readonly end: Instant;
};

/** The nodes that `step` does something to, as long as it lasts. */
export function nodesOf(step: Step): readonly number[] {
  if ("from" in step) return [...new Set([...step.from, ...step.to])];
  return "nodes" in step ? step.nodes : [step.node];
}

/** A step in one line, for those who look for what went wrong. */
export function describeStep(step: Step): string {
  const { begin, end, ...fault } = step;
  const time = (at: Instant): string => `${(at / 1_000).toFixed(1)}s`;
  const span = end === begin ? time(begin) : `${time(begin)} to ${time(end)}`;
  const { kind, ...details } = fault;
  const texts = Object.entries(details).map(([key, value]) => `${key} ${nodeNames(key, value)}`);
  return `${span}: ${kind}${texts.length === 0 ? "" : `, ${texts.join(", ")}`}`;
}

/** What the plan calls node 0 is called n1. */
function nodeNames(key: string, value: unknown): string {
  if (!["node", "nodes", "target", "from", "to"].includes(key)) return String(value);
  return [value]
    .flat()
    .map((node) => nodeName(Number(node)))
    .join("+");
}

export function nodeName(node: number): string {
  return `n${node + 1}`;
}
