/**
 * gossipd as a library: a member of a cluster inside a program, and a client of an agent that runs
 * elsewhere. Importing it starts nothing, opens nothing and loads little.
 *
 * @packageDocumentation
 */
export { OperatorError } from "../base/errors.js";
export { Agent } from "./agent.js";
export type { AgentOptions } from "./agent-options.js";
export type { Coordinate } from "./coordinates.js";
export type {
  ClusterEvent,
  EventName,
  EventOf,
  Listener,
  MemberEvent,
  MemberEventType,
  QueryEvent,
  UserEvent,
} from "./events.js";
export { KeyError, type KeyReport } from "./keys.js";
export type { Member, MemberFilter, MemberStatus } from "./members.js";
export type { Payload } from "./payload.js";
export type { QueryOptions, QueryReply } from "./queries.js";
export type { StringRecord } from "./records.js";
export { type RpcAddress, RpcClient } from "./rpc-client.js";
export type { Stats } from "./stats.js";
