import type { Instant } from "../../base/units.js";
import type { HttpFigures } from "../../http/server.js";
import type { LbStatus } from "../../lb/status.js";
import type { Chronicle } from "../../observe/chronicle.js";
import type { HandlerState } from "../../observe/handler-run.js";
import type { LoopDelays } from "../../observe/member-info.js";
import type { RpcCounters } from "../../rpc/host.js";
import type { Serf } from "../../serf/serf.js";
import type { HandlerCounters } from "../handlers.js";

/** Where the numbers come from: plain counters and states of the agent, read at each scrape. */
export interface MetricSource {
  /** When the process began, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly now: () => Instant;
  readonly serf: Pick<
    Serf,
    | "coordinateCounters"
    | "counters"
    | "health"
    | "holdings"
    | "instances"
    | "local"
    | "members"
    | "queuedClaims"
    | "stats"
    | "swimCounters"
  >;
  /** False while the members that we see are not all there is. */
  readonly isJoined: () => boolean;
  /** Joined, nobody is suspected, and nothing has changed lately. */
  readonly isSettled: () => boolean;
  readonly chronicle: Pick<Chronicle, "follow" | "followRoundTrips" | "since">;
  /** Datagrams that our own machine did not send. */
  readonly sendErrors: () => number;
  readonly handlers: () => Pick<HandlerCounters, "dropped" | "expired" | "merged">;
  /** In the order of the configuration. */
  readonly handlerStates: () => readonly HandlerState[];
  readonly rpc: { readonly counters: Readonly<RpcCounters>; readonly connections: number };
  /** undefined: nothing is balanced. */
  readonly balancing: () => LbStatus | undefined;
  /** How late timers came in the last minute. */
  readonly loopDelays: () => LoopDelays;
  /** undefined: no HTTP is served. */
  readonly http?: () => HttpFigures | undefined;
}
