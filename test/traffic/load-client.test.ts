import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type ClientName, Load } from "./support/load-client.js";
import type { LoadReport } from "./support/load-record.js";

const body = "web1\n";
const whole = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/** What a client loses, and how, against a server that does this with its first requests. */
async function lossesOf(
  client: ClientName,
  serve: (socket: Socket, request: number) => void,
): Promise<LoadReport> {
  let requests = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => {
      requests += 1;
      if (requests > 2) socket.write(whole);
      else serve(socket, requests);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const load = Load.start({
    target: { host: "127.0.0.1", port },
    clients: { [client]: 1 },
    rate: 100,
    patience: 200,
  });
  await load.more(4);
  return await load.stop();
}

test.for<[string, ClientName, (socket: Socket, request: number) => void, object]>([
  ["a whole answer is none", "kept", (socket) => socket.write(whole), {}],
  [
    "a new connection that is closed without an answer",
    "fresh",
    (socket) => socket.end(),
    { "fresh read closed": 2 },
  ],
  [
    "a kept connection that ends as it is used again",
    "kept",
    (socket, request) => (request === 1 ? socket.write(whole) : socket.resetAndDestroy()),
    { "kept reused read ECONNRESET": 1 },
  ],
  [
    "an answer that ends in the middle",
    "fresh",
    (socket, request) => (request === 1 ? socket.write(whole) : socket.end(whole.slice(0, -2))),
    { "fresh cut closed after 3 of 5 bytes": 1 },
  ],
  [
    "an answer that does not come",
    "post",
    (socket, request) => request === 1 && socket.write(whole),
    { "post timeout nothing in 200 ms": 1 },
  ],
  [
    "an answer that is no 200",
    "fresh",
    (socket) => socket.end("HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n"),
    { "fresh status status 503": 2 },
  ],
])("a loss is told for what it is: %s", async ([, client, serve, losses]) => {
  expect((await lossesOf(client, serve)).losses).toEqual(losses);
});

test("a kept connection that was closed while it was idle is no loss", async () => {
  const report = await lossesOf("kept", (socket) => socket.end(whole));
  expect(report.losses).toEqual({});
  expect(report.closedIdle).toBe(2);
});

test("nobody who listens is a loss for every request", async () => {
  const load = Load.start({ target: { host: "127.0.0.1", port: 1 }, clients: { kept: 1 } });
  await load.more(3);
  const { losses, answered } = await load.stop();
  expect(Object.keys(losses)).toEqual(["kept connect ECONNREFUSED"]);
  expect(answered).toBe(0);
});

test("who answered is read in a body in chunks too, and when", async () => {
  const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nweb2\n\r\n0\r\n\r\n";
  const began = performance.now();
  const { servers, latency } = await lossesOf("kept", (socket) => socket.write(chunked));
  expect(servers.web2).toMatchObject({ count: 2 });
  expect(servers.web1?.firstAnswer).toBeGreaterThan(servers.web2?.firstAnswer ?? began);
  expect(latency.kept?.p50).toBeGreaterThan(0);
});
