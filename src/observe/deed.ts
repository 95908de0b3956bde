import type { Millis } from "../base/units.js";
import type { Observation } from "../swim/observation.js";

/**
 * One thing that an agent saw or did, as its {@link Chronicle} keeps it. Plain values that JSON can carry;
 * never keys, tokens, payloads or the output of scripts.
 */
export type Deed =
  | Exclude<Observation, { readonly kind: "acked" }>
  | Told
  | HandlerRan
  | Applied
  | Stalled
  | Started
  | Leaving;

/** The handlers and event streams were told of members. Of more than {@link maxNamed} only the count is kept. */
export interface Told {
  readonly kind: "told";
  readonly event:
    | "member-join"
    | "member-leave"
    | "member-failed"
    | "member-update"
    | "member-reap";
  readonly nodes: readonly string[];
  readonly count: number;
}

/** A run of a handler ended. */
export interface HandlerRan {
  readonly kind: "handler";
  /** Of the journal. */
  readonly run: number;
  /** The command line as it was configured. */
  readonly script: string;
  /** `member-join`, `user:deploy`, `query:load`, `state`. */
  readonly event: string;
  readonly nodes: readonly string[];
  readonly count: number;
  readonly took: Millis;
  /** Why it failed, in one line; undefined if it did not. */
  readonly failure?: string | undefined;
}

/** A round of a load balancer ended that changed something, or failed. */
export interface Applied {
  readonly kind: "applied";
  readonly balancer: string;
  readonly way: "none" | "runtime" | "reload";
  readonly took: Millis;
  /** What made it run, one line. */
  readonly cause: string;
  /** Of which what is served has changed; of more than {@link maxNamed} only the count is kept. */
  readonly nodes: readonly string[];
  readonly count: number;
  /** The version that is served now; undefined while that is not confirmed. */
  readonly version?: string | undefined;
  readonly failure?: string | undefined;
}

/**
 * Our own process did not run for a while. `paused`: it got no processor at all, as when it is stopped or
 * its machine is. `busy`: it was at work. `clock`: the wall clock jumped, as after a suspend.
 */
export interface Stalled {
  readonly kind: "stalled";
  /** Our own name. */
  readonly node: string;
  readonly how: "paused" | "busy" | "clock";
  readonly took: Millis;
}

/** Our agent began to be a member. */
interface Started {
  readonly kind: "started";
  readonly node: string;
  /** `ip:port` that others are told. */
  readonly address: string;
}

/** Our agent began to leave on purpose. */
interface Leaving {
  readonly kind: "leaving";
  readonly node: string;
}

/** Names in one record; a thousand members that join at once must not push all else out. */
export const maxNamed = 16;
