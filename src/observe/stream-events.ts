import type { Deed } from "./deed.js";
import type { MemberInfo } from "./member-info.js";

/** What `GET /v1/events` sends: the data of each event, by the event's name. Times are ISO 8601 in UTC. */
export interface StreamEvents {
  /** Members joined, left, failed, changed, or were forgotten; of more than fifty in several events. */
  readonly member: {
    readonly at: string;
    /** `member-join`, `member-leave`, `member-failed`, `member-update`, `member-reap`. */
    readonly event: string;
    /** As they are now; those that are forgotten as they were, with nothing that was measured. */
    readonly members: readonly MemberInfo[];
  };
  readonly user: {
    readonly at: string;
    readonly name: string;
    readonly ltime: number;
    readonly coalesce: boolean;
    /** Null if it is no UTF-8. */
    readonly payload: string | null;
    readonly payloadBase64: string;
  };
  /** Somebody asked the cluster; what was asked is for those who answer. */
  readonly query: { readonly at: string; readonly name: string; readonly ltime: number };
  /** A suspicion began, was confirmed, ended well, or was of ourselves. */
  readonly suspicion: TimedEntry;
  /** A run of a handler ended. */
  readonly handler: TimedEntry;
  /** A round of a load balancer ended. */
  readonly balancer: TimedEntry;
  /** Any other entry of the chronicle. */
  readonly deed: TimedEntry;
  /**
   * The stream does not go on where it was told to: what was missed is to be asked for. `restarted`: by
   * another run of the agent. `forgotten`: that is too long ago.
   */
  readonly reset: { readonly why: "restarted" | "forgotten" };
}

/** An entry of the chronicle as HTTP tells it. */
export interface TimedEntry {
  readonly seq: number;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly deed: Deed;
}
