import { onTestFinished } from "vitest";
import { bareInfo } from "../../src/agent/http-service.js";
import { OperatorError } from "../../src/base/errors.js";
import type { HttpHost, Readiness } from "../../src/http/host.js";
import type { HttpLimits } from "../../src/http/limits.js";
import { HttpServer } from "../../src/http/server.js";
import { noCounts } from "../../src/lb/counters.js";
import type { LbStatus } from "../../src/lb/status.js";
import type { Entry } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";
import type { HandlerRun } from "../../src/observe/handler-run.js";
import type { MemberInfo } from "../../src/observe/member-info.js";
import type { TopicName, Topics } from "../../src/observe/topics.js";
import type { RpcMember } from "../../src/rpc/api.js";
import { tempDir } from "../agent/temp-dir.js";
import { member, ScriptedApi } from "../rpc/scripted-api.js";
import { RecordedLog } from "../support/recorded-log.js";

export const at = "2026-01-31T12:00:00.000Z";

const run: HandlerRun = {
  id: 3,
  script: "./web.sh",
  filters: ["member-join"],
  event: "member-join",
  nodes: ["web1"],
  count: 1,
  startedAt: at,
  tookMillis: 12,
  attempt: 1,
  cause: "event",
  result: "failed",
  failure: "exit status 3",
  exitStatus: 3,
  output: "no\n",
};

const handler: Topics["handlers"]["answer"]["handlers"][number] = {
  script: "./web.sh",
  filters: ["member-join"],
  kind: "event",
  retries: true,
  running: null,
  waiting: 1,
  resting: { attempt: 2, until: at },
  counts: { runs: 3, failures: 1, timeouts: 0, retries: 1, givenUp: 0 },
  times: { sumMillis: 36.5, buckets: [0, 3] },
  lastRun: run,
  lastSuccessAt: null,
  seen: { present: 2, gone: ["web3"], unknown: [] },
};

const suspected: MemberInfo = {
  ...bareInfo(member("web2", { ip: [10, 0, 0, 2], tags: { role: "web" } })),
  rttMillis: 1.25,
  lastRttMillis: 1.1,
  lastAckedAt: at,
  lostProbes: 2,
  suspectedBy: ["web1"],
  suspectedSince: at,
};

const answers: { readonly [Name in TopicName]?: Topics[Name]["answer"] } = {
  members: { members: [bareInfo(member("web1", { ip: [10, 0, 0, 1] })), suspected] },
  self: {
    name: "web1",
    address: "10.0.0.1:7946",
    version: "0.1.0",
    startedAt: at,
    joined: true,
    settled: false,
    encrypted: true,
    health: 0,
    isolated: false,
    loopDelayMillis: { p50: 0.5, p99: 2, max: 7 },
    rssBytes: 60_000_000,
    members: { alive: 2, leaving: 0, left: 0, failed: 0, suspected: 1 },
    balancers: ["edge"],
    handlers: 1,
    profile: "lan",
  },
  handlers: { handlers: [handler, { ...handler, resting: null, running: run }], journal: null },
  "handlers-log": { runs: [run, { ...run, id: 4, result: "running", tookMillis: null }] },
  "handlers-rerun": {
    script: "./web.sh",
    event: "member-join",
    nodes: ["web1"],
    count: 1,
    leftOut: ["web3"],
    run,
  },
};

const balanced: LbStatus = {
  at,
  keeper: { pid: 7, renewedBy: at },
  self: "web1",
  joined: true,
  virtualIp: {
    address: "192.0.2.10/24",
    interface: "eth0",
    state: "ready",
    holder: "lb2",
    rivals: [],
    term: 3,
    since: "2024-05-06T07:08:09.010Z",
    reason: "lb2 has it",
    trouble: null,
    cutOff: false,
    moves: 0,
  },
  balancers: [
    {
      name: "edge",
      kind: "haproxy",
      file: "/etc/haproxy/haproxy.cfg",
      dryRun: false,
      condition: "waiting",
      since: at,
      ok: true,
      reason: null,
      version: "0123456789ab",
      applied: "0123456789ab",
      appliedAt: at,
      written: null,
      last: {
        at,
        cause: "members changed",
        result: "confirmed",
        way: "runtime",
        tookMillis: 8.5,
        error: null,
        failedAt: null,
        lastError: null,
      },
      next: { what: "reload: a server was added", waitsFor: "gap between reloads", at },
      waits: ["web/s04: 3 requests under way"],
      pools: [
        {
          name: "web",
          servers: [
            {
              node: "web2",
              ip: "10.0.0.2",
              port: 8080,
              weight: 100,
              desired: { admission: "ready", cause: "suspected" },
              inFile: true,
              served: { name: "s01", state: "ready", weight: 100, up: true, inUse: 0 },
              since: at,
            },
          ],
          free: 2,
        },
      ],
      holds: [
        { pool: "web", kind: "mass loss", nodes: ["web3"], reason: "one is left", until: null },
      ],
      refused: [{ pool: "web", node: "web4", reason: "no port" }],
      damped: [{ node: "web5", penalty: 2.5, until: at }],
      process: "4711",
      lingering: 0,
      counters: { ...noCounts(), passes: 1, changes: 1, runtimeSteps: 1 },
    },
  ],
};

/** Answers topics, or fails as told. */
class TopicApi extends ScriptedApi {
  chronicle: Entry[] = [];
  fault: Error | undefined;
  /** What each topic was asked, last. */
  readonly lastAsked = new Map<string, object>();

  override ask(topic: string, body: object): Promise<unknown> {
    this.lastAsked.set(topic, body);
    if (this.fault !== undefined) return Promise.reject(this.fault);
    if (topic === "chronicle") return Promise.resolve({ entries: this.chronicle });
    const answer: unknown = answers[topic as TopicName];
    if (answer === undefined) return Promise.reject(new OperatorError(`no topic ${topic}`));
    return Promise.resolve(answer);
  }
}

/** An agent that the tests script. */
export class ScriptedHost implements HttpHost {
  readonly log = new RecordedLog();
  readonly api = new TopicApi();
  token = "right";
  lb: LbStatus | undefined = balanced;
  ready: Readiness = { joined: true, settled: true, leaving: false };
  readonly #sinks = new Set<(entry: Entry) => void>();
  #seq = 0;

  wallClock(): string {
    return at;
  }

  follow(sink: (entry: Entry) => void): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  get followers(): number {
    return this.#sinks.size;
  }

  note(deed: Deed): void {
    this.#seq += 1;
    const entry = { seq: this.#seq, at: Date.parse(at), deed };
    this.api.chronicle.push(entry);
    for (const sink of this.#sinks) sink(entry);
  }

  describe(members: readonly RpcMember[]): readonly MemberInfo[] {
    return members.map(bareInfo);
  }

  readiness(): Readiness {
    return this.ready;
  }

  lbStatus(): LbStatus | undefined {
    return this.lb;
  }

  lbOrder(order: string): string {
    if (!order.includes("pause")) throw new OperatorError("kind must be one of those");
    return "paused";
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    return { contentType: "text/plain; version=0.0.4; charset=utf-8", text: "gossipd_up 1\n" };
  }
}

export interface Served {
  readonly host: ScriptedHost;
  readonly server: HttpServer;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly url: string;
}

/** Serves a scripted agent until the test is over. */
export async function serve(
  limits: Partial<HttpLimits> = {},
  host: ScriptedHost = new ScriptedHost(),
  withoutPage = false,
): Promise<Served> {
  const html = "<!doctype html><style>b{}</style><script>1</script>";
  const files = tempDir(withoutPage ? {} : { "page.html": html });
  const page = new URL(`file://${files}/page.html`);
  const server = new HttpServer(host, { limits: { closeTimeout: 50, ...limits }, page });
  onTestFinished(() => server.close());
  const address = await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  return { host, server, address, url: `http://${address}` };
}
