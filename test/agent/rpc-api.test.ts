import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { now } from "../../src/agent/driver.js";
import { EventHub } from "../../src/agent/event-hub.js";
import { parseHandlerSpec } from "../../src/agent/handler-spec.js";
import { Joiner } from "../../src/agent/joiner.js";
import { Logs } from "../../src/agent/logs.js";
import { memberPredicate } from "../../src/agent/member-patterns.js";
import { AgentApi } from "../../src/agent/rpc-api.js";
import { TagKeeper } from "../../src/agent/tag-keeper.js";
import { TopicAnswers } from "../../src/agent/topic-answers.js";
import type { QueryRecord, RpcQuestion, StreamRecord } from "../../src/rpc/api.js";
import { memberOf } from "../support/members.js";
import { until } from "../support/wait.js";
import { type LoopbackMember, startMember } from "./loopback-member.js";
import { tempDir } from "./temp-dir.js";

interface ApiUnderTest {
  readonly api: AgentApi;
  readonly member: LoopbackMember;
  readonly tags: TagKeeper;
  readonly logs: Logs;
  readonly hub: EventHub;
}

async function startApi(
  {
    file = "",
    configured = {},
    statusFile,
  }: {
    readonly file?: string;
    readonly configured?: Readonly<Record<string, string>>;
    readonly statusFile?: string;
  } = {},
  coordinates = true,
): Promise<ApiUnderTest> {
  const initial = new Map(Object.entries(configured));
  const member = await startMember("a", "127.0.0.1", { tags: initial });
  const { driver, serf } = member;
  const logs = new Logs("err", () => {});
  const log = logs.of("agent");
  const hub = new EventHub({
    log,
    now,
    self: () => serf.local,
    respond: () => {},
    members: () => [],
    handlerTimeout: 1_000,
    environment: () => ({}),
  });
  const joiner = new Joiner({
    log,
    bindPort: member.address.port,
    contact: (targets) => member.join(...targets.map(({ address }) => address)),
  });
  const tags = new TagKeeper({
    serf,
    driver,
    protocol: 5,
    file,
    configured: initial,
    beneath: new Map(),
    initial: serf.local.tags,
  });
  const leave = (): Promise<void> => member.leave();
  const lbStatusFile = (): string | undefined => statusFile;
  const parts = {
    serf,
    driver,
    hub,
    logs,
    log,
    joiner,
    tags,
    coordinates,
    leave,
    lbStatusFile,
    topics: new TopicAnswers(),
  };
  const api = new AgentApi(parts);
  return { api, member, tags, logs, hub };
}

function tagsOf({ api }: ApiUnderTest): Record<string, string> {
  return Object.fromEntries(api.members()[0]?.tags ?? []);
}

describe("members", () => {
  test("are described in the words of the protocol", async () => {
    const { api, member } = await startApi({ configured: { role: "web" } });
    expect(api.members()).toEqual([
      {
        name: "a",
        addr: Uint8Array.of(127, 0, 0, 1),
        port: member.address.port,
        tags: new Map([["role", "web"]]),
        status: "alive",
        protocolMin: 1,
        protocolMax: 5,
        protocolCur: 2,
        delegateMin: 2,
        delegateMax: 5,
        delegateCur: 5,
      },
    ]);
  });

  const web = memberOf("web-1", { tags: { role: "web" } });
  test.for([
    { name: "", status: "", tags: {}, passes: true },
    { name: "web-1", status: "alive", tags: { role: "web" }, passes: true },
    { name: "web-.", status: "", tags: {}, passes: true },
    { name: "web", status: "", tags: {}, passes: false },
    { name: "eb-1", status: "", tags: {}, passes: false },
    // As in Serf the pattern is ^web|x$: the left side is free at its end, the right at its start.
    { name: "web|x", status: "", tags: {}, passes: true },
    { name: "x|-1", status: "", tags: {}, passes: true },
    { name: "", status: "left|failed", tags: {}, passes: false },
    { name: "", status: "", tags: { role: "db" }, passes: false },
    { name: "", status: "", tags: { zone: "" }, passes: true },
    { name: "", status: "", tags: { zone: ".+" }, passes: false },
    { name: "", status: "", tags: { zone: ".*" }, passes: true },
  ])("name '$name', status '$status', tags $tags: $passes", ({ name, status, tags, passes }) => {
    const filter = { name, status, tags: new Map(Object.entries(tags)) };
    expect(memberPredicate(filter)(web)).toBe(passes);
  });

  test.for(["(", "a{2000}", "x".repeat(5_000)])(
    "a pattern that does not compile is refused",
    (name) => {
      expect(() => memberPredicate({ name, status: "", tags: new Map() })).toThrow(
        /^Failed to compile regex for name: /,
      );
    },
  );
});

describe("stats", () => {
  test("say where the load balancer's part tells how it is, if there is one", async () => {
    const { api } = await startApi({ statusFile: "/run/lb/status.json" });
    expect(api.stats().get("load_balancer")).toEqual(
      new Map([["status_file", "/run/lb/status.json"]]),
    );
  });

  test("have every key that scripts know, and only texts", async () => {
    const { api, hub } = await startApi({ configured: { role: "web" } });
    hub.setHandlers(["x.sh", "user:deploy=y.sh"].flatMap(parseHandlerSpec));
    const stats = api.stats();
    const keys = Object.fromEntries(
      [...stats].map(([name, section]) => [name, [...section.keys()]]),
    );
    expect(keys).toEqual({
      agent: ["name"],
      runtime: ["os", "arch", "version", "max_procs", "goroutines", "cpu_count"],
      serf: (
        "members failed left health_score member_time event_time query_time intent_queue " +
        "event_queue query_queue encrypted coordinate_resets"
      ).split(" "),
      tags: ["role"],
      event_handlers: ["*:", "user:deploy"],
    });
    for (const section of stats.values()) {
      for (const value of section.values()) expect(value).toBeTypeOf("string");
    }
    expect(stats.get("serf")?.get("members")).toBe("1");
    expect(stats.get("serf")?.get("encrypted")).toBe("false");
  });

  test("leave coordinates out if they are off", async () => {
    const { api } = await startApi({}, false);
    expect(api.stats().get("serf")?.has("coordinate_resets")).toBe(false);
  });
});

describe("tags", () => {
  test("are deleted first, then set", async () => {
    const one = await startApi({ configured: { a: "1", b: "1" } });
    await one.api.setTags(
      new Map([
        ["b", "2"],
        ["c", "2"],
      ]),
      ["a", "b", "absent"],
    );
    expect(tagsOf(one)).toEqual({ b: "2", c: "2" });
  });

  test("two changes at once do not lose each other", async () => {
    const one = await startApi();
    await Promise.all([
      one.api.setTags(new Map([["a", "1"]]), []),
      one.api.setTags(new Map([["b", "1"]]), []),
    ]);
    expect(tagsOf(one)).toEqual({ a: "1", b: "1" });
  });

  test("go to the tags file", async () => {
    const file = join(tempDir(), "tags.json");
    const { api } = await startApi({ file });
    await api.setTags(
      new Map([
        ["b", "1"],
        ["a", "1"],
      ]),
      [],
    );
    expect(readFileSync(file, "utf8")).toBe('{\n  "a": "1",\n  "b": "1"\n}');
  });

  test("that are too long change neither the member nor the file", async () => {
    const file = join(tempDir({ "tags.json": "{}" }), "tags.json");
    const one = await startApi({ file, configured: { a: "1" } });
    await expect(one.api.setTags(new Map([["b", "x".repeat(600)]]), [])).rejects.toThrow(
      "Encoded length of tags exceeds limit of 512 bytes",
    );
    expect(tagsOf(one)).toEqual({ a: "1" });
    expect(readFileSync(file, "utf8")).toBe("{}");
  });

  test("a file that cannot be written refuses the change", async () => {
    const one = await startApi({ file: "/nonexistent/tags.json", configured: { a: "1" } });
    await expect(one.api.setTags(new Map([["b", "1"]]), [])).rejects.toThrow(
      "Failed to write tags file",
    );
    expect(tagsOf(one)).toEqual({ a: "1" });
  });
});

describe("a reload", () => {
  test("keeps what was changed at run time, and takes over what the configuration changed", async () => {
    const one = await startApi({ configured: { same: "1", mine: "1", gone: "1", new: "1" } });
    await one.api.setTags(
      new Map([
        ["mine", "run"],
        ["extra", "run"],
        ["both", "run"],
      ]),
      ["same"],
    );
    await one.tags.reconfigure(
      new Map(Object.entries({ same: "1", mine: "1", new: "2", both: "2" })),
    );
    expect(tagsOf(one)).toEqual({ mine: "run", extra: "run", new: "2", both: "2" });
  });

  test("that changes nothing announces nothing", async () => {
    const one = await startApi({ configured: { a: "1" } });
    const before = one.member.events.length;
    await one.tags.reconfigure(new Map([["a", "1"]]));
    expect(one.member.events).toHaveLength(before);
  });

  test("that was refused is made up for by the next one", async () => {
    const one = await startApi({ configured: { a: "1" } });
    const tooLong = new Map(Object.entries({ a: "2", b: "x".repeat(600) }));
    await expect(one.tags.reconfigure(tooLong)).rejects.toThrow("exceeds limit");
    expect(tagsOf(one)).toEqual({ a: "1" });
    await one.tags.reconfigure(new Map([["a", "2"]]));
    expect(tagsOf(one)).toEqual({ a: "2" });
  });

  test("leaves the tags file alone", async () => {
    const file = join(tempDir(), "tags.json");
    const one = await startApi({ file });
    await one.api.setTags(new Map([["a", "1"]]), []);
    writeFileSync(file, "untouched");
    await one.tags.reconfigure(new Map());
    expect(readFileSync(file, "utf8")).toBe("untouched");
    expect(tagsOf(one)).toEqual({ a: "1" });
  });
});

describe("joins", () => {
  test("count all that answered, also oneself", async () => {
    const { api, member } = await startApi();
    const other = await startMember("b", "127.0.0.2");
    const addresses = ["127.0.0.1", `b/127.0.0.2:${other.address.port}`, "127.0.0.77"];
    expect(await api.join(addresses, false)).toEqual({ contacted: 2, error: "" });
    expect(member.statuses()).toEqual({ a: "alive", b: "alive" });
  });

  test("fail only if nobody answered, with Serf's list", async () => {
    const { api, member } = await startApi();
    const { port } = member.address;
    expect(await api.join(["127.0.0.77", "n/127.0.0.78:1", "/x"], false)).toEqual({
      contacted: 0,
      error:
        "3 errors occurred:\n" +
        "\t* Failed to resolve /x: empty node name provided\n" +
        `\t* Failed to join 127.0.0.77: dial tcp 127.0.0.77:${port}: connect: connection refused\n` +
        "\t* Failed to join 127.0.0.78: dial tcp 127.0.0.78:1: connect: connection refused\n\n",
    });
  });
});

test("a stream gets user events, and members as records", async () => {
  const { api, hub } = await startApi();
  const seen: StreamRecord[] = [];
  const end = api.subscribe("user,member-join", (record) => seen.push(record));
  const payload = Uint8Array.of(1);
  hub.handle({ kind: "user", ltime: 3, name: "deploy", payload, coalesce: true });
  hub.handle({ kind: "member-join", members: [memberOf("b")] });
  hub.handle({ kind: "member-leave", members: [memberOf("b")] });
  end();
  expect(seen).toMatchObject([
    { kind: "user", ltime: 3, name: "deploy", payload, coalesce: true },
    {
      kind: "member",
      event: "member-join",
      members: [{ name: "b", port: 7_946, status: "alive" }],
    },
  ]);
});

test("a query's record says how long answers are taken", async () => {
  const { api, hub } = await startApi();
  const seen: StreamRecord[] = [];
  api.subscribe("query", (record) => seen.push(record));
  const query = { id: 7, ltime: 3, name: "load", payload: new Uint8Array(), from: "b" };
  hub.handle({ kind: "query", ...query, deadline: now() + 60_000 });
  hub.handle({ kind: "query", ...query, deadline: now() - 60_000 });
  expect(seen).toMatchObject([
    { kind: "query", id: 7 },
    { kind: "query", expiresIn: 0 },
  ]);
  expect((seen[0] as { expiresIn: number }).expiresIn).toBeGreaterThan(50_000);
});

describe("queries", () => {
  const question: RpcQuestion = {
    name: "load",
    payload: new Uint8Array(0),
    filterNodes: [],
    filterTags: new Map(),
    requestAck: true,
    relayFactor: 0,
    timeout: 300,
  };

  test("collect until their deadline, and say so last", async () => {
    const { api, member } = await startApi();
    const other = await startMember("b", "127.0.0.2");
    await member.join(other.address);
    const records: QueryRecord[] = [];
    const since = now();
    let over = 0;
    api.query(question, (record) => {
      records.push(record);
      if (record.kind === "done") over = now();
    });
    const asked = (one: LoopbackMember) => one.events.find(({ kind }) => kind === "query");
    await until("both are asked", () => [member, other].every(asked));
    const event = asked(other);
    if (event?.kind === "query") {
      other.driver.feed((at) => other.serf.respond(at, event.id, Buffer.from("1\n")));
    }
    await until("it is over", () => over > 0);
    expect(records.at(-1)).toEqual({ kind: "done" });
    expect(new Set(records.slice(0, -1))).toEqual(
      new Set([
        { kind: "ack", from: "a" },
        { kind: "ack", from: "b" },
        { kind: "response", from: "b", payload: Uint8Array.from(Buffer.from("1\n")) },
      ]),
    );
    expect(over - since).toBeGreaterThanOrEqual(300);
  });

  test("end at once when nobody wants them any more", async () => {
    const { api } = await startApi();
    const records: QueryRecord[] = [];
    const end = api.query({ ...question, timeout: undefined }, (record) => records.push(record));
    end();
    end();
    expect(records.at(-1)).toEqual({ kind: "done" });
    expect(records.filter(({ kind }) => kind === "done")).toHaveLength(1);
  });

  test.for([
    { name: "_serf_x", payload: "", error: "Queries cannot contain the '_serf_' prefix" },
    { name: "_serf_ping", payload: "x", error: "Queries cannot contain the '_serf_' prefix" },
    { name: "x", payload: "y".repeat(1_100), error: "query exceeds limit of 1024 bytes" },
  ])("named $name are refused in Serf's words: $error", async ({ name, payload, error }) => {
    const { api } = await startApi();
    const asked = { ...question, name, payload: Buffer.from(payload) };
    expect(() => api.query(asked, () => {})).toThrow(error);
  });

  test("may be Serf's own ping, also for longer than any timer runs", async () => {
    const { api } = await startApi();
    const timeout = Number.MAX_SAFE_INTEGER / 1e6;
    const records: QueryRecord[] = [];
    const end = api.query({ ...question, name: "_serf_ping", timeout }, (record) =>
      records.push(record),
    );
    await until("the ack", () => records.length === 1);
    expect(records).toEqual([{ kind: "ack", from: "a" }]);
    end();
  });
});

describe("keys", () => {
  test("cannot be changed where nothing is encrypted", async () => {
    const { api } = await startApi();
    expect(await api.keys("list", "")).toEqual({
      messages: new Map([["a", "Keyring is empty (encryption not enabled)"]]),
      keys: new Map(),
      numNodes: 1,
      numResponses: 1,
      numErrors: 1,
      error: "1/1 nodes reported failure",
    });
    const key = "MDEyMzQ1Njc4OWFiY2RlRg==";
    const { messages } = await api.keys("install", key);
    expect([...messages]).toEqual([["a", "No keyring to modify (encryption not enabled)"]]);
  });

  test("have to be base64, in the words of Go", async () => {
    const { api } = await startApi();
    expect(await api.keys("use", "aaaa*")).toEqual({
      messages: new Map(),
      keys: new Map(),
      numNodes: 0,
      numResponses: 0,
      numErrors: 0,
      error: "illegal base64 data at input byte 4",
    });
  });

  test("are announced in the log, and never shown", async () => {
    const { api } = await startApi();
    const lines: string[] = [];
    api.monitor("trace", (line) => lines.push(line));
    const key = "MDEyMzQ1Njc4OWFiY2RlRg==";
    for (const operation of ["install", "use", "remove", "list"] as const) {
      await api.keys(operation, key);
    }
    expect(
      lines.filter((line) => line.includes("Initiating")).map((line) => line.slice(20)),
    ).toEqual([
      "[INFO] agent: Initiating key installation",
      "[INFO] agent: Initiating primary key change",
      "[INFO] agent: Initiating key removal",
      "[INFO] agent: Initiating key listing",
    ]);
    expect(lines.join()).not.toContain("MDEy");
  });
});

test("the own coordinate is known from the start, unless there are none", async () => {
  const { api } = await startApi();
  expect(api.coordinate("a")).toEqual({
    adjustment: 0,
    error: 1.5,
    height: 1e-5,
    vec: Array(8).fill(0),
  });
  expect(api.coordinate("b")).toBeUndefined();
  expect((await startApi({}, false)).api.coordinate("a")).toBeUndefined();
});

test("an event that is too long is refused in Serf's words", async () => {
  const { api } = await startApi();
  expect(() => api.userEvent("x", new Uint8Array(600), true)).toThrow(
    /user event exceeds configured limit of 512 bytes before encoding/,
  );
});

test("a monitor follows what the agent says", async () => {
  const { api } = await startApi();
  const lines: string[] = [];
  api.monitor("info", (line) => lines.push(line));
  await api.forceLeave("nobody", false);
  expect(lines.at(-1)).toMatch(/ \[INFO\] agent: Force leaving node: nobody$/);
});
