import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HttpServer } from "../../src/http/server.js";
import { tempDir } from "../agent/temp-dir.js";
import { ScriptedHost, serve } from "./scripted-host.js";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly error?: { readonly code: string; readonly hint?: string } };
}

/** Unlike fetch this sends whatever Host header it is told to. */
function ask(
  where: { readonly port: number } | { readonly socketPath: string },
  options: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  } = {},
): Promise<Answer> {
  const { body, headers, method = "GET", path = "/healthz" } = options;
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", ...where, method, path, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: text === "" ? {} : JSON.parse(text),
        }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function portOf(address: string): { readonly port: number } {
  return { port: Number(address.split(":").at(-1)) };
}

const event = { method: "POST", path: "/v1/event", body: '{"name":"deploy"}' };
const json = { "content-type": "application/json" };

test.for([
  "localhost",
  "LOCALHOST:7380",
  "x.localhost",
  "127.0.0.1",
  "127.9.9.9:1",
  "[::1]:80",
  hostname(),
])("whoever calls this machine %s is answered", async (host) => {
  const { address } = await serve();
  expect((await ask(portOf(address), { headers: { host } })).status).toBe(200);
});

test.for([
  "rebound.example",
  "127.0.0.1.example",
  "localhost.example:7380",
  "10.0.0.1",
  "[fe80::1]",
])("a name that was made to point at this machine is refused: '%s'", async (host) => {
  const { address } = await serve();
  const { body, status } = await ask(portOf(address), { headers: { host } });
  expect([status, body.error?.code]).toEqual([403, "forbidden"]);
});

test("no page of another site may hold a stream, and none may read an answer", async () => {
  const { address } = await serve();
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", origin: "http://x" };
  const held = await ask(portOf(address), { path: "/v1/events", headers });
  expect(held.status).toBe(403);
  const read = await ask(portOf(address), { headers: { origin: "http://x.example" } });
  expect(Object.keys(read.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  expect(read.headers["cross-origin-resource-policy"]).toBe("same-origin");
});

test("a link on another site leads to the page", async () => {
  const { address } = await serve();
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  expect((await ask(portOf(address), { headers })).status).toBe(200);
});

test.for([
  { sent: undefined, status: 401 },
  { sent: "Bearer wrong", status: 401 },
  { sent: "Bearer right2", status: 401 },
  { sent: "Basic right", status: 401 },
  { sent: "right", status: 401 },
  { sent: "Bearer right", status: 200 },
  { sent: "bearer  right", status: 200 },
])("an event is sent only with the token: $sent gives $status", async ({ sent, status }) => {
  const { address, host } = await serve();
  const headers = sent === undefined ? json : { ...json, authorization: sent };
  const answer = await ask(portOf(address), { ...event, headers });
  expect(answer.status).toBe(status);
  expect(host.api.calls.length).toBe(status === 200 ? 1 : 0);
  if (status === 401) expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
});

test("without a token nothing can be changed over TCP, and the answer says what to do", async () => {
  const host = new ScriptedHost();
  host.token = "";
  const { address } = await serve({}, host);
  const headers = { ...json, authorization: "Bearer " };
  const { body, status } = await ask(portOf(address), { ...event, headers });
  expect([status, body.error?.code]).toEqual([403, "forbidden"]);
  expect(body.error?.hint).toMatch(/http_token.*Unix socket/);
  expect(host.api.calls).toEqual([]);
});

async function serveAt(path: string, host = new ScriptedHost()): Promise<HttpServer> {
  const server = new HttpServer(host, { limits: { closeTimeout: 50 } });
  onTestFinished(() => server.close());
  expect(await server.listen({ kind: "unix", path })).toBe(`unix:${path}`);
  return server;
}

test("who may open the Unix socket may change things, by whatever name", async () => {
  const host = new ScriptedHost();
  const socketPath = join(tempDir(), "http.sock");
  await serveAt(socketPath, host);
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  const headers = { ...json, host: "anything" };
  expect((await ask({ socketPath }, { ...event, headers })).status).toBe(200);
  expect(host.api.calls).toHaveLength(1);
});

test("the Unix socket goes with the server", async () => {
  const path = join(tempDir(), "http.sock");
  const server = await serveAt(path);
  await server.close();
  expect(existsSync(path)).toBe(false);
});

test("the socket of a process that was killed is replaced", async () => {
  const path = join(tempDir(), "http.sock");
  // Of which the name stays behind, as after a SIGKILL.
  const before = createServer().listen(path);
  await new Promise((resolve) => before.once("listening", resolve));
  const hidden = `${path}.hidden`;
  renameSync(path, hidden);
  await new Promise((resolve) => before.close(resolve));
  renameSync(hidden, path);
  await serveAt(path);
  expect((await ask({ socketPath: path })).status).toBe(200);
});

test("a socket at which somebody listens, or a file, is not touched", async () => {
  const path = join(tempDir({ file: "mine" }), "http.sock");
  await serveAt(path);
  const second = new HttpServer(new ScriptedHost());
  onTestFinished(() => second.close());
  await expect(second.listen({ kind: "unix", path })).rejects.toThrow("another process listens");
  const file = join(tempDir({ file: "mine" }), "file");
  writeFileSync(file, "mine");
  await expect(second.listen({ kind: "unix", path: file })).rejects.toThrow("no socket");
});

test("an address that is taken is named in the error", async () => {
  const { address } = await serve();
  const second = new HttpServer(new ScriptedHost());
  onTestFinished(() => second.close());
  const tcp = { kind: "tcp", host: "127.0.0.1", ...portOf(address) } as const;
  await expect(second.listen(tcp)).rejects.toThrow(
    `listen tcp ${address}: bind: address already in use`,
  );
});
