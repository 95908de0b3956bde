import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { ServerAddress } from "../../src/agent/metric-servers.js";
import { StatsdSink } from "../../src/agent/statsd.js";
import { StatsiteSink } from "../../src/agent/statsite.js";
import { RecordedLog } from "../support/recorded-log.js";
import { until } from "../support/wait.js";

function at(ip: string, port: number): ServerAddress {
  return { host: ip, ip, port };
}

function connected(sink: { readonly connected: boolean }): Promise<boolean> {
  return until("it is connected", () => sink.connected, { every: 10 });
}

test.for(["127.0.0.1", "::1"])("statsd gets lines in packets, at %s", async (ip) => {
  const server = createSocket(ip === "::1" ? "udp6" : "udp4").bind(0, ip);
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const packets: string[] = [];
  server.on("message", (packet) => packets.push(String(packet)));
  const sink = new StatsdSink(at(ip, server.address().port), new RecordedLog());
  onTestFinished(() => sink.close());
  await connected(sink);

  sink.write("one:1.000000|c\n");
  sink.write("two:2.500000|ms\n");
  await until("they come together", () => packets.length > 0, { every: 10 });
  expect(packets).toEqual(["one:1.000000|c\ntwo:2.500000|ms\n"]);

  packets.length = 0;
  // 100 lines of 27 bytes: 51 fit into 1400 bytes.
  const line = (index: number): string => `many${`${index}`.padStart(12, "0")}:1.00000|c\n`;
  expect(line(0)).toHaveLength(27);
  for (let index = 0; index < 100; index += 1) sink.write(line(index));
  await until("all have come", () => packets.join("").length === 2_700, { every: 10 });
  expect(packets.map((packet) => packet.length)).toEqual([1_377, 1_323]);
  expect(packets.join("")).toBe(Array.from({ length: 100 }, (_, index) => line(index)).join(""));
});

test("a statsd server that is not there is told of once, and costs nothing else", async () => {
  const log = new RecordedLog();
  const nobody = createSocket("udp4").bind(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address();
  await new Promise<void>((resolve) => nobody.close(resolve));
  const sink = new StatsdSink(at("127.0.0.1", port), log);
  onTestFinished(() => sink.close());
  await connected(sink);
  await until(
    "packets between which others were sent were refused",
    () => {
      sink.write("lost:1.000000|c\n");
      return log.lines.length > 2;
    },
    { every: 150 },
  );
  expect(log.at("warn")).toEqual(["statsd server cannot be reached"]);
});

test("a name that nobody knows is no reason to end", async () => {
  const log = new RecordedLog();
  // No resolver asks others for a label of that length.
  const host = `${"x".repeat(64)}.invalid`;
  const sink = new StatsdSink({ host, ip: undefined, port: 1 }, log);
  onTestFinished(() => sink.close());
  sink.write("lost:1.000000|c\n");
  await until("it is told", () => log.lines.length > 0, { every: 10 });
  expect(log.at("warn")).toEqual(["statsd server cannot be reached"]);
});

test("statsite gets lines on one connection, and on the next when that breaks", async () => {
  const log = new RecordedLog();
  const clients: Socket[] = [];
  let text = "";
  const server = createServer((client) => {
    clients.push(client);
    client.on("data", (part) => {
      text += String(part);
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sink = new StatsiteSink(at("127.0.0.1", port), log, { firstRetry: 20 });
  onTestFinished(() => sink.close());
  await connected(sink);

  sink.write("one:1.000000|c\n");
  sink.write("two:2.500000|ms\n");
  await until("both have come", () => text.includes("two"), { every: 10 });
  expect(text).toBe("one:1.000000|c\ntwo:2.500000|ms\n");
  expect(clients).toHaveLength(1);

  clients[0]?.destroy();
  text = "";
  await until("it has noticed", () => !sink.connected, { every: 5 });
  sink.write("dropped:1.000000|c\n");
  await connected(sink);
  sink.write("again:1.000000|c\n");
  await until("it goes on", () => text !== "", { every: 10 });
  expect(text).toBe("again:1.000000|c\n");
  expect(clients).toHaveLength(2);
  expect(log.lines.map(({ message }) => message)).toEqual([
    "statsite server cannot be reached",
    "statsite server is reached again",
  ]);
});

test("what was written before the end still arrives", async () => {
  let text = "";
  let closed = false;
  const server = createServer((client) => {
    client.on("data", (part) => {
      text += String(part);
    });
    client.on("close", () => {
      closed = true;
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sink = new StatsiteSink(at("127.0.0.1", port), new RecordedLog());
  await connected(sink);
  sink.write("last:1.000000|c\n");
  sink.close();
  await until("the connection is closed", () => closed, { every: 10 });
  expect(text).toBe("last:1.000000|c\n");
});
