import { type Millis, seconds } from "../base/units.js";

/** How much clients may have of the agent. */
export interface HttpLimits {
  /** Open at one address at the same time; further ones are closed at once. */
  readonly connections: number;
  /** Event streams at the same time, at all addresses. */
  readonly streams: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** Until the headers, and then the whole request, are there. */
  readonly headersTimeout: Millis;
  readonly requestTimeout: Millis;
  /** A connection on which nothing happens, or whose client takes nothing. */
  readonly idleTimeout: Millis;
  /** Between two requests. */
  readonly keepAliveTimeout: Millis;
  /** Requests that a client sends before it has the answer to the first. */
  readonly pipelined: number;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  /** Answers that clients have not taken yet, all together. */
  readonly unsentBytes: number;
  /** Queries that were asked over HTTP and are not over. */
  readonly queries: number;
  /** What is kept of the past for event streams that come back. */
  readonly eventBytes: number;
  /** Between two comments on an event stream that has nothing to say. */
  readonly heartbeat: Millis;
  /** How long the reader of an event stream may take nothing. */
  readonly stallTimeout: Millis;
  /** How long requests that are under way are waited for when the server ends. */
  readonly closeTimeout: Millis;
}

export const httpLimits: HttpLimits = {
  connections: 1_200,
  streams: 1_000,
  headerBytes: 16_384,
  bodyBytes: 65_536,
  headersTimeout: seconds(10),
  requestTimeout: seconds(20),
  idleTimeout: seconds(60),
  keepAliveTimeout: seconds(15),
  pipelined: 16,
  waiting: 1_024,
  unsentBytes: 32 * 1_048_576,
  queries: 64,
  eventBytes: 1_048_576,
  heartbeat: seconds(15),
  stallTimeout: seconds(30),
  closeTimeout: seconds(1),
};
