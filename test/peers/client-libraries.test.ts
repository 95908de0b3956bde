import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Done, type NodeSerf, type NodeSerfStream } from "node-serf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type Kind, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const kinds: readonly Kind[] = ["serf", "gossipd"];
const firstKey = "MDEyMzQ1Njc4OWFiY2RlZg==";
const secondKey = "ZmVkY2JhOTg3NjU0MzIxMA==";

type Ask = (command: string, body?: object) => Promise<unknown>;

/** What came of every command, in the words of the library. */
type Outcomes = Record<string, unknown>;

/** What both libraries can ask for and get one answer to. */
const requests: readonly (readonly [command: string, body?: object])[] = [
  ["members"],
  ["auth", { AuthKey: "wrong" }],
  ["auth", { AuthKey: "secret" }],
  ["members"],
  ["members-filtered", { Tags: { role: "w.b" }, Status: "alive", Name: "m.*" }],
  ["members-filtered", { Tags: { role: "db" }, Status: "", Name: "" }],
  ["event", { Name: "deploy", Payload: "v1", Coalesce: false }],
  ["event", { Name: "deploy", Payload: "x".repeat(600), Coalesce: false }],
  ["tags", { Tags: { role: "web", extra: "1" }, DeleteTags: ["absent"] }],
  ["tags", { Tags: { long: "x".repeat(600) }, DeleteTags: [] }],
  ["members"],
  ["tags", { Tags: {}, DeleteTags: ["extra"] }],
  ["force-leave", { Node: "nobody", Prune: false }],
  ["force-leave", { Node: "nobody", Prune: true }],
  ["join", { Existing: ["SELF"], Replay: false }],
  ["stats"],
  ["respond", { ID: 4711, Payload: "x" }],
  ["stop", { Stop: 4711 }],
  ["list-keys"],
  ["install-key", { Key: secondKey }],
  ["install-key", { Key: "c2hvcnQ=" }],
  ["use-key", { Key: secondKey }],
  ["remove-key", { Key: secondKey }],
  ["remove-key", { Key: firstKey }],
  ["use-key", { Key: firstKey }],
  ["list-keys"],
];

/** Puts the key back that the agent began with, so that the next library finds it as this one did. */
const undo: typeof requests = [
  ["install-key", { Key: firstKey }],
  ["use-key", { Key: firstKey }],
  ["remove-key", { Key: secondKey }],
];

/** Addresses are other ones, numbers count what happened before: what is left must be the same. */
function comparable(value: unknown): unknown {
  if (value instanceof Error) return `error: ${value.message}`;
  if (Buffer.isBuffer(value)) return value.length === 4 ? "IPv4" : value.toString();
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    const counted = name === "Seq" || name === "LTime" || name === "ID";
    return [name, counted ? typeof item : comparable(item)];
  });
  return Object.fromEntries(entries);
}

/** The keys of the sections alone: their values tell of the program and of the time. */
function sectionsOf(stats: unknown): unknown {
  if (typeof stats !== "object" || stats === null) return stats;
  return Object.fromEntries(
    Object.entries(stats).map(([section, values]) => [section, Object.keys(values).sort()]),
  );
}

async function askAll(ask: Ask, self: string, list: typeof requests): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  for (const [index, [command, body]] of list.entries()) {
    const filled = command === "join" ? { ...body, Existing: [self] } : body;
    let answer: unknown;
    try {
      answer = await ask(command, filled);
    } catch (thrown) {
      answer = thrown;
    }
    outcomes[`${index} ${command}`] = command === "stats" ? sectionsOf(answer) : comparable(answer);
  }
  return outcomes;
}

const withAnswer = /^(join|members.*|.*-keys?|stats|get-coordinate)$/;

async function nodeSerf(agent: Agent): Promise<Outcomes> {
  const serf = await new Promise<NodeSerf>((resolve, reject) => {
    const made = connect({ port: 7373, host: agent.ip }, (error) =>
      error ? reject(error) : resolve(made),
    );
  });
  const ask: Ask = (command, body) =>
    new Promise((resolve, reject) => {
      const done: Done = (error, answer) => (error ? reject(error) : resolve(answer));
      if (body === undefined) serf.send(command, withAnswer.test(command), done);
      else serf.send(command, withAnswer.test(command), body, done);
    });
  const listening = (begin: (done: (error: Error | null) => void) => NodeSerfStream) =>
    new Promise<{ stream: NodeSerfStream; seen: unknown[] }>((resolve, reject) => {
      const seen: unknown[] = [];
      const stream = begin((error) => (error ? reject(error) : resolve({ stream, seen })));
      stream.on("error", reject);
      stream.on("data", (record: unknown) => seen.push(record));
    });
  const stopped = (stream: NodeSerfStream): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.stop((error) => (error ? reject(error) : resolve()));
    });
  try {
    const outcomes = await askAll(ask, agent.gossip, requests);
    outcomes.coordinate = comparable(await ask("get-coordinate", { Node: "main" }));
    outcomes.nobody = comparable(await ask("get-coordinate", { Node: "nobody" }));
    const events = await listening((done) => serf.stream({ Type: "user:deploy" }, done));
    await ask("event", { Name: "deploy", Payload: "v2", Coalesce: false });
    await until("the event", () => events.seen.length > 0);
    await stopped(events.stream);
    await ask("event", { Name: "deploy", Payload: "v3", Coalesce: false });
    const asked = await listening((done) => serf.stream({ Type: "query:load" }, done));
    const question = { Name: "load", Payload: "now", RequestAck: true, Timeout: 1_000_000_000 };
    const answers = await listening((done) => serf.query(question, done));
    const { ID } = (await until("the question", () => asked.seen[0])) as { ID: number };
    await ask("respond", { ID, Payload: "answer" });
    await until("the end of the query", () =>
      answers.seen.some((record) => (record as { Type: string }).Type === "done"),
    );
    const monitor = serf.monitor({ LogLevel: "DEBUG" });
    const lines: unknown[] = [];
    monitor.on("data", (line: unknown) => lines.push(line));
    await until("a log line", () => lines.length > 0);
    await stopped(monitor);
    outcomes.undone = await askAll(ask, agent.gossip, undo);
    outcomes.events = comparable(events.seen);
    outcomes.asked = comparable(asked.seen);
    outcomes.answers = comparable(answers.seen);
    outcomes.logKeys = Object.keys(lines[0] as object);
    return outcomes;
  } finally {
    serf.destroy();
  }
}

async function serfRpc(agent: Agent): Promise<Outcomes> {
  // Its one connection belongs to the module: each agent gets a module of its own.
  const require = createRequire(import.meta.url);
  for (const path of Object.keys(require.cache)) {
    if (path.includes("/serf-rpc/")) delete require.cache[path];
  }
  const SerfRpc = require("serf-rpc") as typeof import("serf-rpc");
  const serf = new SerfRpc();
  await new Promise<void>((resolve, reject) => {
    serf.connect({ rpc_host: agent.ip, rpc_port: 7373 }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const seen: unknown[] = [];
  const { emit } = serf.events;
  serf.events.emit = (seq, ...values) => {
    seen.push(...values);
    return emit.call(serf.events, seq, ...values);
  };
  const ask: Ask = (command, body) =>
    new Promise((resolve, reject) => {
      const done = (error: boolean | Error | null, answer?: unknown): void =>
        error ? reject(new Error(JSON.stringify(answer))) : resolve(answer);
      const send = serf[command] as (...args: unknown[]) => void;
      if (body === undefined) send(done);
      else send(body, done);
    });
  const find = (what: string, found: (record: Record<string, unknown>) => boolean) =>
    until(what, () => seen.find((value) => found(value as Record<string, unknown>)));
  // Its errors carry the Seq, which is the same for both agents.
  const outcomes = await askAll(ask, agent.gossip, requests);
  await ask("stream", { Type: "user:deploy,query:load" });
  await ask("event", { Name: "deploy", Payload: "v2", Coalesce: false });
  outcomes.event = comparable(await find("the event", ({ Event }) => Event === "user"));
  await ask("query", { Name: "load", Payload: "now", Timeout: 1_000_000_000 });
  const question = await find("the question", ({ Event }) => Event === "query");
  outcomes.question = comparable(question);
  await ask("respond", { ID: (question as { ID: number }).ID, Payload: "answer" });
  outcomes.done = comparable(await find("the end of the query", ({ Type }) => Type === "done"));
  await ask("monitor", { LogLevel: "DEBUG" });
  const line = await find("a log line", ({ Log }) => typeof Log === "string");
  outcomes.logKeys = Object.keys(line as object);
  outcomes.left = comparable(await ask("leave"));
  return outcomes;
}

describe.skipIf(missingPrograms("serf").length > 0)("the libraries that others wrote", () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-libraries-"));
  const agents = new Map<Kind, Agent>();

  beforeAll(async () => {
    const config = join(folder, "auth.json");
    writeFileSync(config, JSON.stringify({ rpc_auth: "secret" }));
    const args = [`-encrypt=${firstKey}`, `-config-file=${config}`, "-tag=role=web"];
    for (const [index, kind] of kinds.entries()) {
      agents.set(kind, await Agent.start({ kind, name: "main", ip: ip(index + 1), args }));
    }
  });

  afterAll(async () => {
    for (const agent of agents.values()) await agent.end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function both(library: (agent: Agent) => Promise<Outcomes>): Promise<Outcomes[]> {
    const outcomes: Outcomes[] = [];
    for (const kind of kinds) outcomes.push(await library(agents.get(kind) as Agent));
    return outcomes;
  }

  test("node-serf gets from our agent what it gets from Serf's, whatever it asks", async () => {
    const [serf, ours] = await both(nodeSerf);
    expect(ours).toEqual(serf);
    expect(ours).toMatchObject({
      "0 members": "error: Authentication required",
      "1 auth": "error: Invalid authentication token",
      "3 members": { Members: [{ Name: "main", Status: "alive", Tags: { role: "web" } }] },
      answers: [{ Type: "ack" }, { Type: "response", From: "main" }, { Type: "done" }],
    });
  });

  test("serf-rpc gets from our agent what it gets from Serf's, and lets it leave", async () => {
    const [serf, ours] = await both(serfRpc);
    expect(ours).toEqual(serf);
    expect(ours).toMatchObject({
      "3 members": { Members: [{ Name: "main", Status: "alive" }] },
      done: { Type: "done" },
    });
    for (const agent of agents.values()) expect(await agent.exited).toBe(0);
  });
});
