import type { ApplicationReport } from "./application.js";

/**
 * What came of a ping of the failure detector. `answers`: it was confirmed. `refused`: the host says that
 * nobody listens. `unreachable`: there is no way to it. `silent`: nothing came back in time. `mute`: a
 * connection stands, but who holds its other end does not answer: its keys are others than ours, or it
 * is no agent.
 */
export type Reached = "answers" | "refused" | "unreachable" | "silent" | "mute";

/** How a member's gossip address was reached from somewhere. */
export interface Reach {
  /** `ip:port` as it is known there. */
  readonly address: string;
  readonly tcp: Reached;
  readonly udp: Reached;
}

/** Whether something listens on a TCP port of a machine, as the machine itself tells. */
export interface PortState {
  readonly port: number;
  /** `loopback`: only clients on the same machine reach it. `unknown`: it cannot be told there. */
  readonly listens: "yes" | "loopback" | "no" | "unknown";
  /** Where else something listens that others can reach; at most 16. */
  readonly others: readonly number[];
}

/** The query by which members ask each other how they are seen. */
export const reachQuery = "gossipd-reach";

/** The payload of {@link reachQuery}, as JSON. Only members' own addresses are ever tried. */
export interface ReachQuestion {
  /** The member whose gossip address is to be tried. */
  readonly node?: string;
  /** A TCP port of the machine that is asked. */
  readonly port?: number;
  /** What is wrong with the application of the agent that is asked: faults from this one on. */
  readonly application?: number;
}

/** The answer, as JSON. */
export interface ReachAnswer {
  /** Its wall clock: milliseconds since 1970. */
  readonly now: number;
  /** Members that it takes for alive, itself included. */
  readonly alive: number;
  /** null: it was not asked for one, or knows no such member. */
  readonly reach: Reach | null;
  readonly port: PortState | null;
  /** undefined: it was not asked for, or the agent is an older one; null: the agent runs none. */
  readonly application?: ApplicationReport | null;
}
