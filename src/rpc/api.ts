import type { Position } from "../base/coordinate-distance.js";
import type { Bytes, Millis } from "../base/units.js";

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

/** A question to the cluster. */
export interface RpcQuestion {
  readonly name: string;
  readonly payload: Bytes;
  /** Only these members answer; empty means all. */
  readonly filterNodes: readonly string[];
  /** Regular expressions that the members' tags have to match, not anchored. */
  readonly filterTags: ReadonlyMap<string, string>;
  readonly requestAck: boolean;
  /** Through how many further members each answer comes as well; 0 to 255. */
  readonly relayFactor: number;
  /** How long answers are taken; undefined: as long as a cluster of that size needs. */
  readonly timeout: Millis | undefined;
}

/** What one member says to a query. */
export type QueryAnswer =
  | { readonly kind: "ack"; readonly from: string }
  | { readonly kind: "response"; readonly from: string; readonly payload: Bytes };

/** What comes of a query; nothing follows `done`. */
export type QueryRecord = QueryAnswer | { readonly kind: "done" };

export type KeyOperation = "install" | "use" | "remove" | "list";

/** What the members say to an operation on their keyrings. */
export interface KeyReport {
  /** What members had to object, or to add, by their names. */
  readonly messages: ReadonlyMap<string, string>;
  /** For `list`: on how many members each key is, by the key in base64. */
  readonly keys: ReadonlyMap<string, number>;
  readonly numNodes: number;
  readonly numResponses: number;
  readonly numErrors: number;
  /** Why the operation failed, as a whole or on some members; undefined if it did not. */
  readonly error: string | undefined;
}

/** A point in Vivaldi's space, in seconds but for `error`, which has no unit. */
export interface RpcCoordinate extends Position {
  readonly error: number;
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
  /**
   * Asks the cluster. `done` comes at the deadline, not before, unless the result is called: then
   * at once. Throws OperatorError on a name or a size that is not allowed.
   */
  query(question: RpcQuestion, sink: (record: QueryRecord) => void): Unsubscribe;
  /** `key` is in base64; empty for `list`. What goes wrong stands in the report. */
  keys(operation: KeyOperation, key: string): Promise<KeyReport>;
  /** Undefined if none is known of `node`. */
  coordinate(node: string): RpcCoordinate | undefined;
  /** What our agents can be asked beyond Serf's commands: `body` is an object. Throws OperatorError. */
  ask(topic: string, body: object): Promise<unknown>;
  /** Throws OperatorError if the query is unknown, over, or answered. */
  respond(id: number, payload: Bytes): void;
}
