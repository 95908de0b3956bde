import type { Bytes } from "../base/units.js";

/** A member as the RPC describes it (protocol.md section 6.3). */
export interface RpcMember {
  readonly name: string;
  /** 4 or 16 bytes. */
  readonly addr: Bytes;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  /** none, alive, leaving, left or failed. */
  readonly status: string;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCur: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCur: number;
}

/** A record of an event stream as a client sees it. */
export type RpcEvent =
  | { readonly kind: "member"; readonly event: string; readonly members: readonly RpcMember[] }
  | {
      readonly kind: "user";
      readonly ltime: number;
      readonly name: string;
      readonly payload: Bytes;
      readonly coalesce: boolean;
    }
  | {
      readonly kind: "query";
      /** For the respond command; of this connection. */
      readonly id: number;
      readonly ltime: number;
      readonly name: string;
      readonly payload: Bytes;
    };

/**
 * One record of an event stream as the agent gives it to the server. The id of a query is the
 * agent's own here, for {@link RpcApi.respond}; the server hands out ids of its own per connection.
 */
export type StreamRecord =
  | Exclude<RpcEvent, { kind: "query" }>
  | (Extract<RpcEvent, { kind: "query" }> & {
      /** How long answers are taken from now on, in milliseconds. */
      readonly expiresIn: number;
    });

export interface MemberFilter {
  /** Regular expressions, each matched as `^RE$`; empty means any. */
  readonly name: string;
  readonly status: string;
  readonly tags: ReadonlyMap<string, string>;
}

export type Stats = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Ends a subscription; calling it twice is harmless. */
export type Unsubscribe = () => void;

/**
 * What the RPC server asks of the agent. A thrown OperatorError (or a rejected promise) becomes the
 * `Error` of the response, word for word.
 */
export interface RpcApi {
  members(): readonly RpcMember[];
  /** Throws OperatorError on a pattern that does not compile. */
  membersFiltered(filter: MemberFilter): readonly RpcMember[];
  /** `contacted` counts the addresses that answered; `error` is empty if at least one did. */
  join(existing: readonly string[], replay: boolean): Promise<{ contacted: number; error: string }>;
  /** Resolves when the leave is done; the agent exits after the answer was flushed. */
  leave(): Promise<void>;
  forceLeave(node: string, prune: boolean): Promise<void>;
  /** Deletes first, then sets. */
  setTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void>;
  userEvent(name: string, payload: Bytes, coalesce: boolean): void;
  stats(): Stats;
  /** `filter` is a comma list as in compat.md section 13.1; throws OperatorError("Invalid event filter"). */
  subscribe(filter: string, sink: (record: StreamRecord) => void): Unsubscribe;
  /** Sends the buffered lines of at least `level`, then follows. Throws OperatorError("Unknown log level: X"). */
  monitor(level: string, sink: (line: string) => void): Unsubscribe;
  /** Throws OperatorError if the query is unknown, over, or answered. */
  respond(id: number, payload: Bytes): void;
}
