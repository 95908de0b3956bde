import type { Member } from "./members.js";
import type { Payload } from "./payload.js";

/**
 * What can happen to members: they join; leave on purpose; fail; change tags or address; are
 * forgotten, long after they left or failed.
 */
export type MemberEventType =
  | "member-join"
  | "member-leave"
  | "member-failed"
  | "member-update"
  | "member-reap";

/**
 * Members changed. Changes are collected until a second has passed without another, three seconds at
 * most, and each member is told of by what is true of it in the end.
 */
export interface MemberEvent {
  readonly type: MemberEventType;
  /** Never empty; sorted by name. */
  readonly members: readonly Member[];
}

/** Somebody said something to all members. */
export interface UserEvent {
  readonly type: "user";
  readonly name: string;
  /** Shared by all listeners: not to be changed. */
  readonly payload: Uint8Array;
  /** Lamport time: of two events, one that knew of the other has the higher. */
  readonly ltime: number;
  /** Of several events of this name within a moment, listeners may be told of the newest alone. */
  readonly coalesce: boolean;
}

/** Somebody asks, and this member is among those who may answer. */
export interface QueryEvent {
  readonly type: "query";
  readonly name: string;
  /** Shared by all listeners: not to be changed. */
  readonly payload: Uint8Array;
  /** Lamport time: of two queries, one that knew of the other has the higher. */
  readonly ltime: number;
  /**
   * Answers, once, until the time of the query is over. Rejects with an {@link OperatorError} if it
   * is too late, answered already, or longer than `queryResponseSizeLimit`. Nobody has to wait for
   * it: a rejection that is not looked at does no harm.
   */
  respond(payload: Payload): Promise<void>;
}

/** Anything that listeners are told. */
export type ClusterEvent = MemberEvent | UserEvent | QueryEvent;

/**
 * What can be listened to: one kind of event, all user events or queries or those of one name, as in
 * `user:deploy`, or `*` for everything.
 */
export type EventName =
  | MemberEventType
  | "user"
  | `user:${string}`
  | "query"
  | `query:${string}`
  | "*";

/** The events that a listener of `Name` is told. */
export type EventOf<Name extends EventName> = Name extends MemberEventType
  ? MemberEvent
  : Name extends "user" | `user:${string}`
    ? UserEvent
    : Name extends "query" | `query:${string}`
      ? QueryEvent
      : ClusterEvent;

/**
 * Is called with one event after the other. What it throws, or rejects with, is told as a process
 * warning (`process.on("warning")`; by default Node.js prints it) and disturbs nobody else.
 */
export type Listener<Event> = (event: Event) => unknown;
