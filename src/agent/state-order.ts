import type { Bytes } from "../base/units.js";

/** What a member may say of itself to balancers, in its tag `state`; without the tag it is ready. */
export const stateTag = "state";

const states: ReadonlySet<string> = new Set(["ready", "draining", "maint", "starting"]);

/**
 * The tag of members that run balancers, so that others know whom to ask. The load balancer's part has it
 * as well, and is not loaded where there is none.
 */
export const balancerTag = "balancer";

/** Whether a state is what an operator wants, and not how the member finds itself. */
export function isOrdered(state: string | undefined): boolean {
  return state !== undefined && state !== "ready" && state !== "starting";
}

/** What the query `lb-state` asks of one member. */
interface StateOrder {
  readonly node: string;
  readonly state: string;
}

/** Reads `NODE STATE`; undefined if it is nothing of the kind. A name may have blanks in it. */
export function parseStateOrder(payload: Bytes): StateOrder | undefined {
  const [, node, state] = /^(.*) (\S+)\n?$/s.exec(new TextDecoder().decode(payload)) ?? [];
  if (node === undefined || state === undefined) return undefined;
  return { node, state };
}

/** What is wrong with a state, or undefined. */
export function stateFault(state: string): string | undefined {
  if (states.has(state)) return undefined;
  return `there is no state ${JSON.stringify(state.slice(0, 100))}, but ${[...states].join(", ")}`;
}

/** How a member's tags have to change: ready is what a member is that has no such tag. */
export function stateChange(state: string): {
  readonly set: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
} {
  return state === "ready"
    ? { set: new Map(), remove: [stateTag] }
    : { set: new Map([[stateTag, state]]), remove: [] };
}
