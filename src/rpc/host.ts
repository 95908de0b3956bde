import type { Log } from "../base/log.js";
import type { RpcApi } from "./api.js";
import type { RpcLimits } from "./limits.js";

/** What the sessions of a server have in common. */
export interface RpcHost {
  readonly api: RpcApi;
  readonly log: Log;
  readonly limits: RpcLimits;
  /** Undefined if any client may send commands. */
  readonly isToken: ((text: string) => boolean) | undefined;
  readonly counters: RpcCounters;
  /** A leave was answered, and the client has the answer unless it did not want it. */
  readonly onLeft: () => void;
}

/** What a server did so far. */
export interface RpcCounters {
  accepted: number;
  refused: number;
  requests: number;
  droppedRecords: number;
}
