import type { Instant, Millis } from "../base/units.js";

/** A member of the cluster as the load balancer's part sees it: from the agent, or over its RPC. */
export interface LbMember {
  readonly name: string;
  /** As text, without brackets. */
  readonly ip: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: "none" | "alive" | "leaving" | "left" | "failed";
  /** Somebody suspects it and nobody refuted that yet. Never known over RPC. */
  readonly suspected: boolean;
}

/** All that is known of the cluster at one instant. */
export interface View {
  /** The name of the balancer's own member; empty if unknown. */
  readonly self: string;
  /** Every member that is remembered, in no particular order. */
  readonly members: readonly LbMember[];
  /** What the agent thinks of itself; over RPC always well. */
  readonly health: {
    /** It hears nobody at all: what it thinks of others is worth nothing. */
    readonly isolated: boolean;
    /** Lifeguard's local health, 0 (well) to 8: above 0 it is slow itself. */
    readonly awareness: number;
  };
  /** It has joined whom it should join, or has nobody to join; a view before that is no view. */
  readonly joined: boolean;
}

/**
 * What may be done with a server. `ready`: it gets requests. `drain`: it gets no new ones, those under
 * way end in peace, then it is out. `out`: it gets none from now on, and its sessions are ended, so
 * that they can be tried elsewhere.
 */
export type Admission = "ready" | "drain" | "out";

/** Why a server is admitted as it is; told to people, by `lb status` and in the log. */
export type Cause =
  | "alive"
  | "suspected"
  | "failed"
  | "left"
  | "draining"
  | "maintenance"
  | "starting"
  | "damped"
  | "pending"
  | "disputed"
  | "held"
  | "rival"
  | "overridden";

/** A server that a pool should have. Its identity is node, ip and port: another address is another server. */
export interface Server {
  readonly node: string;
  /** As text, without brackets; checked. */
  readonly ip: string;
  /** 1 to 65535. */
  readonly port: number;
  /** 0 to 256; of those that are not ready what it would have. */
  readonly weight: number;
  readonly admission: Admission;
  readonly cause: Cause;
  /** For templates; checked. */
  readonly tags: ReadonlyMap<string, string>;
}

export interface Pool {
  readonly name: string;
  /** Sorted by node, then ip, then port. A server that is not in the list is to go as in a drain. */
  readonly servers: readonly Server[];
}

/** A member that matches a pool and cannot be in it. */
export interface Refusal {
  readonly pool: string;
  readonly node: string;
  /** One line: what is wrong, and what would be right. */
  readonly reason: string;
}

/** Something that keeps the pools from being what the members say, for now. */
export interface Hold {
  readonly pool: string;
  readonly kind:
    | "warm-up"
    | "mass loss"
    | "last server"
    | "isolated"
    | "damped"
    | "no single primary";
  /** The members whom it concerns, sorted. */
  readonly nodes: readonly string[];
  /** One line: why, and what would end it. */
  readonly reason: string;
  /** When it ends by itself; undefined if only a better view or an operator ends it. */
  readonly until: Instant | undefined;
}

/** What a balancer should serve; equal views give equal ones. */
export interface Desired {
  /** In the order of the configuration. */
  readonly pools: readonly Pool[];
  /** 12 hex digits of a hash over {@link pools}: equal everywhere for equal pools. */
  readonly version: string;
  readonly refused: readonly Refusal[];
  readonly holds: readonly Hold[];
  /** True if nothing may be written or applied now: there is no view yet (warm-up). */
  readonly frozen: boolean;
}

/** A server as the proxy has it. */
export interface ServedServer {
  readonly pool: string;
  /** What the proxy calls it: `s01`. */
  readonly name: string;
  /** Whose it is, if that is known; undefined for a free slot. */
  readonly node: string | undefined;
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly state: "ready" | "drain" | "maint";
  /** What the proxy's own checks say; true if there are none. */
  readonly up: boolean;
  /** Requests or sessions that are under way. */
  readonly inUse: number;
  /** Connections to it that are kept for later requests. undefined: the proxy does not tell. */
  readonly idle?: number;
  /** How long ago it last began or ceased to serve. undefined: the proxy does not tell. */
  readonly unchangedFor?: Millis;
}

/** What the proxy said when it was asked. */
export interface Observation {
  readonly at: Instant;
  /** Why it cannot be asked, in one line; undefined if it answered. All else is empty then. */
  readonly trouble: string | undefined;
  /** Names the process that serves now: another one after a restart or a reload by anybody. */
  readonly process: string;
  /** Sorted by pool and name. */
  readonly servers: readonly ServedServer[];
  /** Processes of earlier configurations that still serve their last connections. */
  readonly lingering: number;
}

/** One thing to be done with a proxy that runs. */
export interface Step {
  /** For people, one line: `web/s03: drain (web3, suspected)`. */
  readonly words: string;
  /** Keeps requests from a server that is dead or may be: done before the file is written. */
  readonly urgent: boolean;
  /** What the proxy is told, if it is told by commands. */
  readonly commands: readonly string[];
}

/** How to get from what is served to what should be. */
export interface Plan {
  /** In the order in which they must be done, the urgent ones first. */
  readonly steps: readonly Step[];
  /** Why the file has to be loaded anew, in one line; undefined if it need not. */
  readonly reload: string | undefined;
  /** What is under way and needs nothing but time, one line each: `web/s04: 3 requests under way`. */
  readonly waits: readonly string[];
  /** When to look again because of {@link waits}. */
  readonly lookAgain: Millis | undefined;
}
