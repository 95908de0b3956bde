import { type Millis, seconds } from "../base/units.js";

/** What one client, and all of them together, may take from an agent. */
export interface RpcLimits {
  /** Further clients are turned away. Each holds at most about twice `requestBytes` of requests. */
  readonly connections: number;
  /** Longest header or body of a request. */
  readonly requestBytes: number;
  /**
   * How long a connection may take to shake hands and to authenticate, and a request that has begun to
   * be complete.
   */
  readonly requestTimeout: Millis;
  /** How long the last bytes to a client may take when a connection ends. */
  readonly flushTimeout: Millis;
  /** Records that wait for a slow client in each of its subscriptions; further ones are dropped. */
  readonly queuedRecords: number;
  /** Streams of one connection. */
  readonly streams: number;
  /** Queries of one connection that may still be answered; the oldest is forgotten first. */
  readonly pendingQueries: number;
  /** Queries that one connection has asked and that are not over. */
  readonly runningQueries: number;
}

export const rpcLimits: RpcLimits = {
  connections: 256,
  requestBytes: 256 * 1024,
  requestTimeout: seconds(10),
  flushTimeout: seconds(1),
  queuedRecords: 512,
  streams: 64,
  pendingQueries: 1024,
  runningQueries: 256,
};
