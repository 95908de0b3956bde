import { expectTypeOf, test } from "vitest";
import type { Settings } from "../../src/agent/settings.js";
import {
  type Agent,
  type AgentOptions,
  type ClusterEvent,
  KeyError,
  type MemberEvent,
  OperatorError,
  type QueryEvent,
  type QueryReply,
  type RpcClient,
  type UserEvent,
} from "../../src/lib/index.js";

/** What concerns a process or its command line, and not a member inside a program. */
type OfProcesses =
  | "role"
  | "msgpackTimeFormat"
  | "configPaths"
  | "leaveOnTerminate"
  | "skipLeaveOnInterrupt"
  | "enableSyslog"
  | "syslogFacility"
  | "checkTcp"
  | "checkHttp"
  | "checkExec"
  | "checkInterval"
  | "checkTimeout"
  | "checkRise"
  | "checkFall"
  | "restart"
  | "stopSignal"
  | "stopDelay"
  | "stopTimeout";

/** How settings are called in the library. */
interface Renamed {
  readonly nodeName: "name";
  readonly startJoin: "join";
}

type OptionNames = {
  [Field in Exclude<keyof Settings, OfProcesses>]: Field extends keyof Renamed
    ? Renamed[Field]
    : Field;
}[Exclude<keyof Settings, OfProcesses>];

test("every setting that concerns a member is an option", () => {
  expectTypeOf<Exclude<keyof AgentOptions, "log">>().toEqualTypeOf<OptionNames>();
});

test("a listener is told the events of its name", () => {
  type On = Agent["on"] & RpcClient["on"];
  const on = (() => () => {}) as unknown as On;
  on("member-join", (event) => expectTypeOf(event).toEqualTypeOf<MemberEvent>());
  on("user", (event) => expectTypeOf(event).toEqualTypeOf<UserEvent>());
  on("user:deploy", (event) => expectTypeOf(event).toEqualTypeOf<UserEvent>());
  on("query:load", (event) => expectTypeOf(event).toEqualTypeOf<QueryEvent>());
  on("*", (event) => expectTypeOf(event).toEqualTypeOf<ClusterEvent>());
  // @ts-expect-error: there is no such event
  on("member-jion", () => {});
});

test("agent and client have one face, but that reading an agent needs no waiting", () => {
  type Shared = "join" | "leave" | "forceLeave" | "setTags" | "userEvent" | "query" | "installKey";
  expectTypeOf<Pick<Agent, Shared>>().toEqualTypeOf<Pick<RpcClient, Shared>>();
  expectTypeOf<ReturnType<RpcClient["members"]>>().toEqualTypeOf<
    Promise<ReturnType<Agent["members"]>>
  >();
  expectTypeOf<ReturnType<RpcClient["stats"]>>().toEqualTypeOf<
    Promise<ReturnType<Agent["stats"]>>
  >();
  expectTypeOf<ReturnType<RpcClient["rtt"]>>().toEqualTypeOf<Promise<ReturnType<Agent["rtt"]>>>();
});

test("a key error is an operator's, and a reply says what it is", () => {
  expectTypeOf(KeyError.prototype).toExtend<OperatorError>();
  expectTypeOf(OperatorError.prototype).toExtend<Error>();
  expectTypeOf<Extract<QueryReply, { type: "ack" }>>().not.toHaveProperty("payload");
});
