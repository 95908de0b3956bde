import type { Log } from "../base/log.js";
import type { LbStatus } from "../lb/status.js";
import type { Entry } from "../observe/chronicle.js";
import type { MemberInfo } from "../observe/member-info.js";
import type { RpcApi, RpcMember, Unsubscribe } from "../rpc/api.js";

/** All that the HTTP server asks of the agent. */
export interface HttpHost {
  readonly log: Log;
  /** What clients have to send for what changes anything; empty: only Unix sockets are for that. */
  readonly token: string;
  readonly api: Pick<RpcApi, "ask" | "query" | "subscribe" | "userEvent">;
  /** ISO 8601 in UTC. */
  wallClock(): string;
  /** Tells of each entry of the chronicle from now on. */
  follow(sink: (entry: Entry) => void): Unsubscribe;
  /** The members as they are now, with what was measured of them. */
  describe(members: readonly RpcMember[]): readonly MemberInfo[];
  readiness(): Readiness;
  /** Undefined: nothing is balanced. */
  lbStatus(): LbStatus | undefined;
  /** Carries an order out, which is a text of JSON; says in one line what was done. Throws OperatorError. */
  lbOrder(order: string): string;
  metrics(): Promise<MetricsText>;
}

export interface Readiness {
  readonly joined: boolean;
  readonly settled: boolean;
  readonly leaving: boolean;
}

interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}
