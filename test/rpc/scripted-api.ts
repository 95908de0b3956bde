import { OperatorError } from "../../src/base/errors.js";
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
} from "../../src/rpc/api.js";

/** An agent that does what the test says, and notes what it was asked. */
export class ScriptedApi implements RpcApi {
  /** One line per call. */
  readonly calls: string[] = [];
  known: readonly RpcMember[] = [];
  sections: Stats = new Map();
  joined = { contacted: 0, error: "" };
  /** The text that every command which can fail fails with. */
  failure = "";
  /** The lines that a monitor gets first. */
  backlog: readonly string[] = [];
  readonly streams = new Map<string, Set<(record: StreamRecord) => void>>();
  readonly monitors = new Set<(line: string) => void>();
  /** The queries that were asked and are not over, with what takes their records. */
  readonly asked: { question: RpcQuestion; sink: (record: QueryRecord) => void }[] = [];
  /** What comes of every query at once. */
  replies: readonly QueryRecord[] = [];
  /** What comes of a query at once, if that depends on the query. */
  answering: ((question: RpcQuestion) => readonly QueryRecord[]) | undefined;
  /** What is answered on topics; undefined: it is an agent of Serf, which knows none. */
  topics: ReadonlyMap<string, unknown> | undefined = new Map();
  report: KeyReport = {
    messages: new Map(),
    keys: new Map(),
    numNodes: 2,
    numResponses: 2,
    numErrors: 0,
    error: undefined,
  };
  readonly coordinates = new Map<string, RpcCoordinate>();
  /** A leave resolves with this. */
  left: Promise<void> = Promise.resolve();

  ask(topic: string, body: object): Promise<unknown> {
    this.#note("ask", topic, JSON.stringify(body));
    return Promise.resolve(this.topics?.get(topic) ?? { topic });
  }

  members(): readonly RpcMember[] {
    return this.known;
  }

  membersFiltered(filter: MemberFilter): readonly RpcMember[] {
    this.#note("membersFiltered", filter.name, filter.status, JSON.stringify([...filter.tags]));
    const name = matcher(filter.name);
    const status = matcher(filter.status);
    const tags = [...filter.tags].map(([key, pattern]) => [key, matcher(pattern)] as const);
    return this.known.filter(
      (member) =>
        name(member.name) &&
        status(member.status) &&
        tags.every(([key, matches]) => matches(member.tags.get(key) ?? "")),
    );
  }

  async join(existing: readonly string[], replay: boolean): Promise<typeof this.joined> {
    this.#note("join", ...existing, String(replay));
    return this.joined;
  }

  async leave(): Promise<void> {
    this.#note("leave");
    await this.left;
  }

  async forceLeave(node: string, prune: boolean): Promise<void> {
    this.#note("forceLeave", node, String(prune));
  }

  async setTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void> {
    this.#note("setTags", JSON.stringify([...set]), JSON.stringify(remove));
  }

  userEvent(name: string, payload: Uint8Array, coalesce: boolean): void {
    this.#note("userEvent", name, Buffer.from(payload).toString("hex"), String(coalesce));
  }

  stats(): Stats {
    if (this.topics !== undefined) return this.sections;
    return new Map([...this.sections, ["runtime", new Map([["version", "go1.19.6"]])]]);
  }

  subscribe(filter: string, sink: (record: StreamRecord) => void): () => void {
    if (filter.includes("bogus")) throw new OperatorError("Invalid event filter");
    const sinks = this.streams.get(filter) ?? new Set();
    this.streams.set(filter, sinks.add(sink));
    return () => sinks.delete(sink);
  }

  monitor(level: string, sink: (line: string) => void): () => void {
    if (!/^(trace|debug|info|warn|err)$/i.test(level)) {
      throw new OperatorError(`Unknown log level: ${level.toUpperCase()}`);
    }
    this.monitors.add(sink);
    for (const line of this.backlog) sink(line);
    return () => this.monitors.delete(sink);
  }

  query(question: RpcQuestion, sink: (record: QueryRecord) => void): () => void {
    const { filterNodes, filterTags, name, relayFactor, requestAck, timeout } = question;
    const payload = Buffer.from(question.payload).toString("hex");
    const filters = JSON.stringify([filterNodes, [...filterTags]]);
    this.#note("query", name, payload, filters, String([requestAck, relayFactor, timeout]));
    const asked = { question, sink };
    this.asked.push(asked);
    const end = (): void => {
      const index = this.asked.indexOf(asked);
      if (index < 0) return;
      this.asked.splice(index, 1);
      sink({ kind: "done" });
    };
    for (const record of this.answering?.(question) ?? this.replies) {
      if (record.kind === "done") end();
      else sink(record);
    }
    return end;
  }

  async keys(operation: KeyOperation, key: string): Promise<KeyReport> {
    this.#note("keys", operation, key);
    return this.report;
  }

  coordinate(node: string): RpcCoordinate | undefined {
    this.#note("coordinate", node);
    return this.coordinates.get(node);
  }

  respond(id: number, payload: Uint8Array): void {
    this.#note("respond", String(id), Buffer.from(payload).toString("hex"));
  }

  /** How many streams and monitors clients have now. */
  get subscriptions(): number {
    let count = this.monitors.size;
    for (const sinks of this.streams.values()) count += sinks.size;
    return count;
  }

  emit(record: StreamRecord): void {
    for (const sinks of this.streams.values()) for (const sink of sinks) sink(record);
  }

  log(line: string): void {
    for (const sink of this.monitors) sink(line);
  }

  #note(name: string, ...args: readonly string[]): void {
    this.calls.push([name, ...args].join(" "));
    if (this.failure !== "") throw new OperatorError(this.failure);
  }
}

/** An empty pattern matches all, any other the whole text. */
function matcher(pattern: string): (text: string) => boolean {
  if (pattern === "") return () => true;
  try {
    const regexp = new RegExp(`^${pattern}$`);
    return (text) => regexp.test(text);
  } catch {
    throw new OperatorError(`Failed to compile regex: ${pattern}`);
  }
}

/** A member as an agent of Serf's latest version describes it. */
export function member(
  name: string,
  fields: { ip?: readonly number[]; port?: number; tags?: object; status?: string } = {},
): RpcMember {
  return {
    name,
    addr: Uint8Array.from(fields.ip ?? [127, 0, 0, 1]),
    port: fields.port ?? 7946,
    tags: new Map(Object.entries(fields.tags ?? {})),
    status: fields.status ?? "alive",
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 5,
  };
}
