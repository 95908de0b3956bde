import type { Admission, Cause, Hold } from "./model.js";

/**
 * All that a load balancer's part knows of itself: for `lb status`, and as JSON in `status.json`.
 *
 * Times are wall-clock, ISO 8601 in UTC. What is not known is null, so that every key is always there.
 */
export interface LbStatus {
  /** When this was so. */
  readonly at: string;
  /**
   * Who keeps it right: a process that writes it anew until then even if nothing changes. null: a single
   * pass wrote it, and nobody renews it.
   */
  readonly keeper: { readonly pid: number; readonly renewedBy: string } | null;
  /** The name of the own member; empty if unknown. */
  readonly self: string;
  /** Whether there is a view at all: the member has joined. */
  readonly joined: boolean;
  /** The address that moves between balancers; null if there is none. */
  readonly virtualIp: VirtualIpStatus | null;
  /** In the order of the configuration. */
  readonly balancers: readonly BalancerStatus[];
}

/** How this node stands to the address that moves between balancers. */
export interface VirtualIpStatus {
  /** With its prefix. */
  readonly address: string;
  /** null: no interface has a network that it fits into. */
  readonly interface: string | null;
  /**
   * `holds`: it is here. `yields`: it is here, and another is to take it. `ready`, `held` (lost lately,
   * comes last), `unfit`: it is not here. `waiting`: the members are not known yet.
   */
  readonly state:
    | "holds"
    | "yields"
    | "ready"
    | "held"
    | "unfit"
    | "taking"
    | "dropping"
    | "waiting";
  /** The member that has it; null: nobody says so. */
  readonly holder: string | null;
  /** Others that say that they have it as well. */
  readonly rivals: readonly string[];
  /** Of the holder; each that takes it has a higher one. */
  readonly term: number | null;
  /** When {@link state} became what it is. */
  readonly since: string;
  /** Why it is so, one line. */
  readonly reason: string;
  /** Why it could not be put on the interface or taken off, one line. */
  readonly trouble: string | null;
  /** Fewer than half of the members are seen from here. */
  readonly cutOff: boolean;
  /** How often it was taken and dropped here. */
  readonly moves: number;
}

/**
 * `warming up`: no view yet, nothing is written. `working`: a round is under way. `waiting`: something
 * is still to be done, {@link BalancerStatus.next} says what and when. `in step`: confirmed by the
 * proxy. `failed`: the last round failed, the last good state is served.
 */
export type BalancerCondition =
  | "warming up"
  | "paused"
  | "working"
  | "waiting"
  | "in step"
  | "failed";

export interface BalancerStatus {
  readonly name: string;
  readonly kind: string;
  readonly file: string;
  readonly dryRun: boolean;
  readonly condition: BalancerCondition;
  /** When {@link condition} became what it is. */
  readonly since: string;
  /** True unless the last round failed or the proxy cannot be asked. */
  readonly ok: boolean;
  /** Why not, one line, with the checker's or the proxy's own words; null if ok. */
  readonly reason: string | null;
  /** Of the desired state; null before there is one. */
  readonly version: string | null;
  /** The version that the proxy was last seen to serve wholly. */
  readonly applied: string | null;
  readonly appliedAt: string | null;
  /** The version that the file on disk was last written for. */
  readonly written: string | null;
  readonly last: LastRound | null;
  readonly next: NextAction | null;
  /** What only time ends, in the proxy's words: `web/s04: 3 requests under way`. */
  readonly waits: readonly string[];
  readonly pools: readonly PoolStatus[];
  readonly holds: readonly HoldStatus[];
  readonly refused: readonly {
    readonly pool: string;
    readonly node: string;
    readonly reason: string;
  }[];
  readonly damped: readonly DampedStatus[];
  /** The process that serves now; null if the proxy cannot be asked. */
  readonly process: string | null;
  /** Old workers that still serve their last connections. */
  readonly lingering: number;
  readonly counters: BalancerCounters;
}

/** The round that ended last. */
export interface LastRound {
  readonly at: string;
  /** What made it run: `members changed`, `drift`, `start`. */
  readonly cause: string;
  readonly result: "confirmed" | "waiting" | "failed" | "nothing to do";
  /** `none`: the proxy was left alone. */
  readonly way: "none" | "runtime" | "reload";
  readonly tookMillis: number;
  readonly error: string | null;
  /** When it failed last, whatever came after. */
  readonly failedAt: string | null;
  readonly lastError: string | null;
}

export interface NextAction {
  /** One line: `reload: a server was added`. */
  readonly what: string;
  /** What it waits for, one line: `gap between reloads`. */
  readonly waitsFor: string;
  /** null: unknown. */
  readonly at: string | null;
}

export interface PoolStatus {
  readonly name: string;
  /** Sorted by node, ip and port; what is served and belongs to nobody comes last. */
  readonly servers: readonly ServerStatus[];
  /** Slots without a server. */
  readonly free: number;
}

/** One server: what is wanted and what is, side by side. */
export interface ServerStatus {
  readonly node: string;
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly desired: { readonly admission: Admission; readonly cause: Cause } | null;
  /** Whether its address is in the file that was read last. */
  readonly inFile: boolean;
  readonly served: {
    /** What the proxy calls it. */
    readonly name: string;
    readonly state: "ready" | "drain" | "maint";
    readonly weight: number;
    readonly up: boolean;
    readonly inUse: number;
  } | null;
  /** When what is wanted or served of it changed last. */
  readonly since: string;
}

interface HoldStatus extends Omit<Hold, "until"> {
  readonly until: string | null;
}

interface DampedStatus {
  readonly node: string;
  readonly penalty: number;
  /** Held out until then; null: not held out. */
  readonly until: string | null;
}

/** Since the start; for metrics. */
export interface BalancerCounters {
  readonly passes: number;
  /** Rounds that changed the file or the proxy. */
  readonly changes: number;
  readonly runtimeSteps: number;
  readonly urgentSteps: number;
  readonly reloads: number;
  readonly failures: number;
  /** Files that the proxy's checker refused. */
  readonly refusals: number;
  readonly reloadFailures: number;
  readonly rollbacks: number;
  /** How often the proxy or the file was not as it was left. */
  readonly drift: number;
}
