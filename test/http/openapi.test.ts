import { expect, test } from "vitest";
import { endpointsOf } from "../../src/http/app.js";
import { EventLog } from "../../src/http/event-log.js";
import { EventStreams } from "../../src/http/event-streams.js";
import { httpLimits } from "../../src/http/limits.js";
import type { Deed } from "../../src/observe/deed.js";
import { member } from "../rpc/scripted-api.js";
import { documentedFaults, openapi, paths, schemaFaultsOf } from "./documented.js";
import { ScriptedHost, serve } from "./scripted-host.js";

const json = { "content-type": "application/json" };
const authorised = { ...json, authorization: "Bearer right" };
const large = JSON.stringify({ name: "x".repeat(70_000) });

interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What is different with the agent. */
  readonly given?: "no balancer" | "not ready" | "no page" | "nothing is taken";
}

const gets = Object.keys(paths).filter((path) => paths[path]?.get !== undefined);
const posts = Object.keys(paths).filter((path) => paths[path]?.post !== undefined);
const watched = ["/healthz", "/readyz"];

/** What makes each operation give each answer that the document says it has. */
const calls: readonly Call[] = [
  ...gets.map((path): Call => ({ method: "GET", path, status: 200 })),
  ...gets.map(
    (path): Call => ({
      method: "GET",
      path,
      status: 403,
      headers: { "sec-fetch-site": "cross-site" },
    }),
  ),
  ...["members", "self", "events", "chronicle", "handlers", "handlers/log"].map(
    (path): Call => ({ method: "GET", path: `/v1/${path}?x=1`, status: 400 }),
  ),
  ...gets
    .filter((path) => !watched.includes(path))
    .map((path): Call => ({ method: "GET", path, status: 503, given: "nothing is taken" })),
  { method: "GET", path: "/readyz", status: 503, given: "not ready" },
  { method: "GET", path: "/v1/lb", status: 404, given: "no balancer" },
  { method: "GET", path: "/", status: 404, given: "no page" },
  { method: "POST", path: "/v1/event", status: 200, body: '{"name":"deploy"}' },
  { method: "POST", path: "/v1/query", status: 200, body: '{"name":"load"}' },
  { method: "POST", path: "/v1/lb", status: 200, body: '{"kind":"pause"}' },
  { method: "POST", path: "/v1/lb", status: 404, body: '{"kind":"pause"}', given: "no balancer" },
  { method: "POST", path: "/v1/handlers/rerun", status: 200, body: "{}" },
  ...posts.flatMap((path): Call[] => [
    { method: "POST", path, status: 400, body: '{"kind":' },
    { method: "POST", path, status: 401, headers: json, body: "{}" },
    { method: "POST", path, status: 403, headers: { "sec-fetch-site": "cross-site" }, body: "{}" },
    { method: "POST", path, status: 413, body: large },
    { method: "POST", path, status: 415, headers: { authorization: "Bearer right" }, body: "{}" },
    { method: "POST", path, status: 503, body: "{}", given: "nothing is taken" },
  ]),
];

function hostFor(given: Call["given"]): ScriptedHost {
  const host = new ScriptedHost();
  if (given === "no balancer") host.lb = undefined;
  if (given === "not ready") host.ready = { joined: true, settled: false, leaving: false };
  host.api.replies = [
    { kind: "ack", from: "web2" },
    { kind: "response", from: "web2", payload: Uint8Array.of(0xff) },
    { kind: "response", from: "web1", payload: Buffer.from("1.5") },
    { kind: "done" },
  ];
  host.note({ kind: "started", node: "web1", address: "10.0.0.1:7946" });
  return host;
}

test.for(calls)("$method $path answers $status as documented", async (call) => {
  const { given, method, path, status, body } = call;
  const limits = given === "nothing is taken" ? { unsentBytes: -1 } : {};
  const { url } = await serve(limits, hostFor(given), given === "no page");
  const headers = call.headers ?? (method === "POST" ? authorised : {});
  const answer = await fetch(`${url}${path}`, { method, headers, ...(body ? { body } : {}) });
  expect(answer.status).toBe(status);
  const type = answer.headers.get("content-type")?.replace(/;.*/, "") ?? "";
  if (type === "text/event-stream") await answer.body?.cancel();
  const text = type === "text/event-stream" ? "" : await answer.text();
  expect(documentedFaults(method, path, status, type, text)).toEqual([]);
});

test("every documented answer is asked for above", () => {
  const asked = new Set(
    calls.map(({ method, path, status }) => `${method} ${path.replace(/\?.*/, "")} ${status}`),
  );
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
  expect(documented.filter((one) => !asked.has(one))).toEqual([]);
});

test("what is documented is what is served", () => {
  const log = new EventLog(1_000);
  const parts = { host: new ScriptedHost(), limits: httpLimits, log, page: undefined };
  const streams = new EventStreams(log, httpLimits);
  const served = endpointsOf({ ...parts, streams }).map(({ method, path }) => `${method} ${path}`);
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(served.toSorted()).toEqual(documented.toSorted());
});

const kinds: Readonly<Record<Deed["kind"], true>> = {
  probe: true,
  suspected: true,
  confirmed: true,
  cleared: true,
  gone: true,
  appeared: true,
  moved: true,
  contested: true,
  accused: true,
  health: true,
  told: true,
  handler: true,
  applied: true,
  stalled: true,
  started: true,
  leaving: true,
};

test("every kind of deed is documented", () => {
  expect(openapi.components.schemas.Deed.properties.kind.enum.toSorted()).toEqual(
    Object.keys(kinds).toSorted(),
  );
});

test("every event of the stream is as documented", async () => {
  const { host, url } = await serve();
  const stop = new AbortController();
  const answer = await fetch(`${url}/v1/events`, {
    headers: { "last-event-id": "of another server" },
    signal: stop.signal,
  });
  const payload = Buffer.from("v2");
  const members = [member("web3", { ip: [10, 0, 0, 3] })];
  host.api.emit({ kind: "member", event: "member-join", members });
  host.api.emit({ kind: "user", ltime: 4, name: "deploy", payload, coalesce: true });
  host.api.emit({ kind: "query", id: 1, ltime: 5, name: "load", payload, expiresIn: 1_000 });
  host.note({ kind: "suspected", node: "web2", by: "web1", incarnation: 1, unheard: false });
  host.note({ kind: "leaving", node: "web1" });
  const wanted: Readonly<Record<string, string>> = {
    reset: "Reset",
    member: "MemberEvent",
    user: "UserEvent",
    query: "QueryEvent",
    suspicion: "Entry",
    deed: "Entry",
  };
  const seen: string[] = [];
  let text = "";
  for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(part).toString();
    const events = [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)];
    if (events.length < Object.keys(wanted).length) continue;
    for (const [, name = "", data = ""] of events) {
      seen.push(name);
      expect(schemaFaultsOf(wanted[name] as string, JSON.parse(data))).toEqual([]);
    }
    break;
  }
  stop.abort();
  expect(seen).toEqual(Object.keys(wanted));
});
