import { arch, availableParallelism } from "node:os";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import type {
  KeyOperation,
  KeyReport,
  MemberFilter,
  QueryRecord,
  RpcApi,
  RpcCoordinate,
  RpcMember,
  RpcQuestion,
  Stats,
  StreamRecord,
  Unsubscribe,
} from "../rpc/api.js";
import type { SerfEvent } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import { decodeKey } from "./base64-key.js";
import { type Driver, now } from "./driver.js";
import type { EventHub } from "./event-hub.js";
import { type Joiner, listed } from "./joiner.js";
import type { Logs } from "./logs.js";
import { MemberList, rpcMember } from "./member-list.js";
import { memberPredicate } from "./member-patterns.js";
import type { TagKeeper } from "./tag-keeper.js";
import type { TopicAnswers } from "./topic-answers.js";

export interface AgentApiParts {
  readonly serf: Serf;
  readonly driver: Driver;
  readonly hub: EventHub;
  readonly logs: Logs;
  /** Of the component `agent`. */
  readonly log: Log;
  readonly joiner: Joiner;
  readonly tags: TagKeeper;
  readonly coordinates: boolean;
  /** Where the load balancer's part says how it is; undefined without one. */
  readonly lbStatusFile: () => string | undefined;
  readonly topics: TopicAnswers;
  /** Leaves gracefully; the agent goes on answering until it is stopped. */
  readonly leave: () => Promise<void>;
}

/** What RPC clients can ask of the agent. */
export class AgentApi implements RpcApi {
  readonly #parts: AgentApiParts;
  readonly #members: MemberList;

  constructor(parts: AgentApiParts) {
    this.#parts = parts;
    this.#members = new MemberList(parts.serf);
  }

  members(): readonly RpcMember[] {
    return this.#members.all();
  }

  membersFiltered(filter: MemberFilter): readonly RpcMember[] {
    return this.#members.matching(memberPredicate(filter));
  }

  async join(
    existing: readonly string[],
    replay: boolean,
  ): Promise<{ contacted: number; error: string }> {
    const { contacted, failures } = await this.#parts.joiner.join(existing, replay);
    return { contacted, error: contacted > 0 || failures.length === 0 ? "" : listed(failures) };
  }

  async leave(): Promise<void> {
    this.#parts.logs.of("agent.ipc").info({}, "Graceful leave triggered");
    await this.#parts.leave();
  }

  forceLeave(node: string, prune: boolean): Promise<void> {
    const { driver, log, serf } = this.#parts;
    log.info({}, `Force leaving node: ${node}`);
    return new Promise((resolve, reject) => {
      driver.feed((at) =>
        serf.forceLeave(at, node, prune, (error) => {
          if (error === undefined) resolve();
          else reject(new OperatorError(error));
        }),
      );
    });
  }

  setTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void> {
    return this.#parts.tags.change(set, remove);
  }

  userEvent(name: string, payload: Bytes, coalesce: boolean): void {
    const { driver, log, serf } = this.#parts;
    log.debug({ coalesce }, `Requesting user event send: ${name}`);
    driver.feed((at) => serf.userEvent(at, name, payload, coalesce));
  }

  stats(): Stats {
    const { hub, lbStatusFile, serf } = this.#parts;
    const stats = new Map<string, ReadonlyMap<string, string>>([
      ["agent", new Map([["name", serf.local.name]])],
      ["runtime", runtimeStats()],
      ["serf", this.#serfStats()],
      ["tags", serf.local.tags],
      ["event_handlers", hub.handlers()],
    ]);
    const path = lbStatusFile();
    if (path !== undefined) stats.set("load_balancer", new Map([["status_file", path]]));
    return stats;
  }

  subscribe(filter: string, sink: (record: StreamRecord) => void): Unsubscribe {
    return this.#parts.hub.subscribe(filter, (event) => sink(streamRecord(event)));
  }

  monitor(level: string, sink: (line: string) => void): Unsubscribe {
    return this.#parts.logs.monitor(level, sink);
  }

  query(question: RpcQuestion, sink: (record: QueryRecord) => void): Unsubscribe {
    const { driver, log, serf } = this.#parts;
    const { name, payload } = question;
    log.debug({}, `Requesting query send: ${name}`);
    const asked = { ...question, payload: payload.length === 0 ? undefined : payload };
    const running = driver.feed((at) =>
      serf.query(at, asked, {
        handleAck: (_, from) => sink({ kind: "ack", from }),
        handleResponse: (_, from, answer) => sink({ kind: "response", from, payload: answer }),
        handleDone: () => sink({ kind: "done" }),
      }),
    );
    return () => driver.feed((at) => running.end(at));
  }

  async keys(operation: KeyOperation, text: string): Promise<KeyReport> {
    const { driver, log, serf } = this.#parts;
    log.info({}, keyOperations[operation]);
    try {
      const key = operation === "list" ? undefined : decodeKey(text);
      return await new Promise((resolve) => {
        driver.feed((at) => serf.keys(at, operation, key, resolve));
      });
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      return { ...nothingAsked, error: thrown.message };
    }
  }

  coordinate(node: string): RpcCoordinate | undefined {
    return this.#parts.coordinates ? this.#parts.serf.coordinate(node) : undefined;
  }

  ask(topic: string, body: object): Promise<unknown> {
    return this.#parts.topics.answer(topic, body);
  }

  respond(id: number, payload: Bytes): void {
    const { driver, serf } = this.#parts;
    driver.feed((at) => serf.respond(at, id, payload));
  }

  /** In the words of Serf, which scripts read. */
  #serfStats(): ReadonlyMap<string, string> {
    const stats = this.#parts.serf.stats();
    const sections: [string, number | boolean][] = [
      ["members", stats.members],
      ["failed", stats.failed],
      ["left", stats.left],
      ["health_score", stats.healthScore],
      ["member_time", stats.memberTime],
      ["event_time", stats.eventTime],
      ["query_time", stats.queryTime],
      ["intent_queue", stats.intentQueue],
      ["event_queue", stats.eventQueue],
      ["query_queue", stats.queryQueue],
      ["encrypted", stats.encrypted],
    ];
    if (this.#parts.coordinates) sections.push(["coordinate_resets", stats.coordinateResets]);
    return new Map(sections.map(([key, value]) => [key, String(value)]));
  }
}

/** What Serf's log says of them. */
const keyOperations: Readonly<Record<KeyOperation, string>> = {
  install: "Initiating key installation",
  use: "Initiating primary key change",
  remove: "Initiating key removal",
  list: "Initiating key listing",
};

/** The report of an operation that was refused before any member heard of it. */
const nothingAsked: Omit<KeyReport, "error"> = {
  messages: new Map(),
  keys: new Map(),
  numNodes: 0,
  numResponses: 0,
  numErrors: 0,
};

/** What Go calls the architectures that Node calls otherwise. */
const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

function runtimeStats(): ReadonlyMap<string, string> {
  const processors = String(availableParallelism());
  return new Map([
    ["os", process.platform === "win32" ? "windows" : process.platform],
    ["arch", goArchitectures[arch()] ?? arch()],
    ["version", process.version],
    ["max_procs", processors],
    // The nearest thing that Node has: what is under way or waited for.
    ["goroutines", String(process.getActiveResourcesInfo().length)],
    ["cpu_count", processors],
  ]);
}

function streamRecord(event: SerfEvent): StreamRecord {
  switch (event.kind) {
    case "user":
      return event;
    case "query": {
      const { id, ltime, name, payload, deadline } = event;
      const expiresIn = Math.max(0, deadline - now());
      return { kind: "query", id, ltime, name, payload, expiresIn };
    }
    default:
      return { kind: "member", event: event.kind, members: event.members.map(rpcMember) };
  }
}
