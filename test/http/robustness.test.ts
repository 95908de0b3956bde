import { expect, onTestFinished, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { HttpServer } from "../../src/http/server.js";
import { until } from "../support/wait.js";
import { RawClient, requestFor } from "./raw-client.js";
import { ScriptedHost, type Served, serve } from "./scripted-host.js";

function errorCodeIn(text: string): string {
  const { error } = JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) as { error: { code: string } };
  return error.code;
}

async function isWell({ url }: Served): Promise<void> {
  expect((await fetch(`${url}/v1/members`)).status).toBe(200);
}

test.for([
  { what: "garbage", sent: "\x16\x03\x01\x02garbage\r\n\r\n" },
  { what: "another protocol", sent: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { what: "no host", sent: "GET /healthz HTTP/1.1\r\n\r\n" },
  { what: "two lengths", sent: requestFor("/", "Content-Length: 1\r\nContent-Length: 2\r\n") },
  {
    what: "a smuggled request",
    sent: requestFor("/", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
  },
  { what: "a header with a newline", sent: requestFor("/", "X: a\n b\x00\r\n") },
  { what: "a host that is none", sent: "GET / HTTP/1.1\r\nHost: a b/c?\r\n\r\n" },
  { what: "a target that is none", sent: "GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n" },
])("$what is refused and harms nobody", async ({ sent }) => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  client.send(sent);
  await until("it is refused", () => client.socket.closed || client.statuses.length > 0, {
    every: 5,
  });
  for (const status of client.statuses) expect([400, 403]).toContain(status);
  await isWell(served);
  expect(served.host.log.at("error")).toEqual([]);
});

test.for([
  { what: "host", sent: "GET / HTTP/1.1\r\nHost: a b/c?\r\nConnection: close\r\n\r\n" },
  {
    what: "target",
    sent: "GET http:// HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  },
])("a $what that is none is refused in the form of all refusals", async ({ sent }) => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  client.send(sent);
  await client.closed;
  expect(client.statuses).toEqual([400]);
  expect(errorCodeIn(client.text)).toBe("bad_request");
});

test("headers that are too long are refused in the form of all refusals", async () => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  client.send(requestFor("/healthz", `X: ${"x".repeat(20_000)}\r\n`));
  await client.closed;
  expect(client.statuses).toEqual([431]);
  expect(errorCodeIn(client.text)).toBe("headers_too_large");
  await isWell(served);
});

test("half a request is waited for, but not for ever", async () => {
  const served = await serve({ headersTimeout: 200, requestTimeout: 400 });
  const [halfHeader, halfBody] = [
    await RawClient.open(served.address),
    await RawClient.open(served.address),
  ];
  halfHeader.send("GET /healthz HTTP/1.1\r\nHost: loc");
  const headers =
    "Authorization: Bearer right\r\nContent-Type: application/json\r\nContent-Length: 90\r\n";
  halfBody.send(requestFor("/v1/event", headers).replace("GET", "POST"));
  halfBody.send('{"name":');
  await Promise.all([halfHeader.closed, halfBody.closed]);
  expect([halfHeader.statuses, halfBody.statuses]).toEqual([[408], [408]]);
  expect(served.host.api.calls).toEqual([]);
});

test("a body without an end is cut off at its limit", async () => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  const headers =
    "Authorization: Bearer right\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
  client.send(requestFor("/v1/event", headers).replace("GET", "POST"));
  const chunk = `2000\r\n${"x".repeat(0x2000)}\r\n`;
  for (let count = 0; count < 12; count += 1) client.send(chunk);
  await client.untilAnswered();
  expect(client.statuses).toEqual([413]);
  await isWell(served);
});

test("requests in one packet are answered in order", async () => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  client.send(requestFor("/healthz") + requestFor("/nothing") + requestFor("/v1/self"));
  await client.untilAnswered(3);
  expect(client.statuses).toEqual([200, 404, 200]);
});

test("between two of many requests that come at once the event loop goes round", async () => {
  const served = await serve();
  let rounds = 0;
  const turn = (): void => {
    rounds += 1;
    timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  const clients = await Promise.all(
    Array.from({ length: 10 }, () => RawClient.open(served.address)),
  );
  await isWell(served);
  rounds = 0;
  for (const client of clients) client.send(requestFor("/v1/members").repeat(10));
  await Promise.all(clients.map((client) => client.untilAnswered(10)));
  clearImmediate(timer);
  expect(rounds).toBeGreaterThanOrEqual(99);
});

test("a client that sends requests without end before it reads is cut off", async () => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  client.send(requestFor("/v1/members").repeat(5_000));
  await client.closed;
  expect(served.server.figures.connections).toBe(0);
  await isWell(served);
});

test("a client that leaves in the middle is forgotten, and so is its query", async () => {
  const served = await serve();
  const client = await RawClient.open(served.address);
  const body = '{"name":"load","timeoutMillis":60000}';
  const headers = `Authorization: Bearer right\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  client.send(requestFor("/v1/query", headers).replace("GET", "POST") + body);
  const { api } = served.host;
  await until("the query is asked", () => api.asked.length === 1, { every: 5 });
  client.socket.destroy();
  await until("the query is over", () => api.asked.length === 0, { every: 5 });
  await until("it is forgotten", () => served.server.figures.connections === 0, { every: 5 });
  expect(served.host.log.at("error")).toEqual([]);
});

/** Makes `/v1/chronicle` longer than the buffers of the system are. */
function makeLongAnswer({ host }: Served): void {
  host.api.chronicle = Array.from({ length: 20_000 }, (_, seq) => ({
    seq,
    at: 0,
    deed: { kind: "leaving", node: "x".repeat(400) },
  }));
}

test("a client that does not take its answer is cut off", async () => {
  const served = await serve({ idleTimeout: 200 });
  makeLongAnswer(served);
  const client = await RawClient.open(served.address);
  client.send(requestFor("/v1/chronicle"));
  client.socket.pause();
  await until("it is being answered", () => served.server.figures.connections === 1, { every: 5 });
  await until("it is cut off", () => served.server.figures.connections === 0, { every: 5 });
});

test("while clients leave answers untaken, only whether the agent is well is answered", async () => {
  const served = await serve({ unsentBytes: 10_000_000 });
  makeLongAnswer(served);
  const clients: RawClient[] = [];
  for (let count = 0; count < 4; count += 1) {
    const client = await RawClient.open(served.address);
    client.send(requestFor("/v1/chronicle"));
    client.socket.pause();
    clients.push(client);
  }
  const status = async (path: string): Promise<number> => (await fetch(served.url + path)).status;
  await until("further ones are refused", async () => (await status("/v1/members")) === 503);
  expect([await status("/healthz"), await status("/readyz")]).toEqual([200, 200]);
  for (const { socket } of clients) socket.destroy();
  await until("they are forgotten", async () => (await status("/v1/members")) === 200);
});

test("more connections than allowed are closed at once", async () => {
  const served = await serve({ connections: 3 });
  const [first] = await Promise.all([1, 2, 3].map(() => RawClient.open(served.address)));
  const further = await RawClient.open(served.address);
  further.send(requestFor("/healthz"));
  await further.closed;
  expect(further.text).toBe("");
  first?.socket.destroy();
  await until("another one has a place", () =>
    fetch(`${served.url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
});

test("what only the agent can mend is logged, and not told to clients", async () => {
  const served = await serve();
  served.host.api.fault = new Error("the secret of line 7");
  const answer = await fetch(`${served.url}/v1/self`);
  const text = await answer.text();
  expect([answer.status, text.includes("secret")]).toEqual([500, false]);
  expect(served.host.log.at("error")).toEqual(["http request failed"]);
});

test("if what answers cannot be loaded, that is an answer, and it is tried again", async () => {
  const host = new ScriptedHost();
  let tries = 0;
  const load = (): Promise<never> => {
    tries += 1;
    return Promise.reject(new Error("Cannot find module app-ABC.js"));
  };
  const server = new HttpServer(host, { load, limits: { closeTimeout: 50 } });
  onTestFinished(() => server.close());
  const address = await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  for (const count of [1, 2]) {
    const answer = await fetch(`http://${address}/healthz`);
    expect([answer.status, tries, host.log.at("error").length]).toEqual([500, count, count]);
  }
});

test.for(["__proto__", "constructor", "toString", "hasOwnProperty"])(
  "a parameter or field called %s is one that is not known",
  async (name) => {
    const { url } = await serve();
    const asked = await fetch(`${url}/v1/members?${name}=1`);
    const headers = { "content-type": "application/json", authorization: "Bearer right" };
    const body = `{"name":"x","${name}":1}`;
    const sent = await fetch(`${url}/v1/event`, { method: "POST", headers, body });
    expect([asked.status, sent.status]).toEqual([400, 400]);
  },
);

test("what the asker can mend is told to it", async () => {
  const served = await serve();
  served.host.api.fault = new OperatorError("Failed to compile regex for name: missing )");
  const answer = await fetch(`${served.url}/v1/members?name=(`);
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { error: { code: "bad_request", message: "Failed to compile regex for name: missing )" } },
  ]);
});

test("the server ends though a client does not", async () => {
  const served = await serve({ closeTimeout: 30 });
  const client = await RawClient.open(served.address);
  client.send("GET / HTTP/1.1\r\nHost: loc");
  await served.server.close();
  await client.closed;
});
