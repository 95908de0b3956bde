import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { UdpSocket } from "../../src/agent/udp.js";
import { type Address, formatAddress, formatIp } from "../../src/base/address.js";
import { RecordedLog } from "../support/recorded-log.js";
import { until } from "../support/wait.js";
import { ipOf } from "./loopback-member.js";

interface Received {
  readonly from: Address;
  readonly text: string;
}

test("one socket for all addresses speaks IPv4 and IPv6, and knows IPv4 in its short form", async () => {
  const log = new RecordedLog();
  const socket = await UdpSocket.bind({ host: "::", port: 0, dual: true }, log);
  onTestFinished(() => socket.close());
  const received: Received[] = [];
  socket.start((from, payload) => received.push({ from, text: String(Buffer.from(payload)) }));
  for (const [family, host] of [
    ["udp4", "127.0.0.1"],
    ["udp6", "::1"],
  ] as const) {
    const peer = createSocket(family).bind(0, host);
    onTestFinished(() => void peer.close());
    await once(peer, "listening");
    const to = { ip: ipOf(host), port: peer.address().port };
    socket.send(to, Buffer.from("there"));
    const [payload, { port }] = (await once(peer, "message")) as [Buffer, { port: number }];
    expect(String(payload)).toBe("there");
    peer.send("", port, host);
    peer.send("back", port, host);
    const { from, text } = await until("the answer is here", () => received.pop(), { every: 5 });
    expect(text).toBe("back");
    expect(formatAddress(from)).toBe(formatAddress(to));
    expect(formatIp(from.ip)).toBe(host);
    expect(from.ip).toHaveLength(family === "udp4" ? 4 : 16);
  }
  // The long form of an IPv4 address is the same place.
  const peer = createSocket("udp4").bind(0, "127.0.0.1");
  onTestFinished(() => void peer.close());
  await once(peer, "listening");
  socket.send({ ip: ipOf("::ffff:127.0.0.1"), port: peer.address().port }, Buffer.from("long"));
  const [payload] = (await once(peer, "message")) as [Buffer];
  expect(String(payload)).toBe("long");
  expect(log.lines).toEqual([]);
});

test("what cannot be sent is counted and told at debug", async () => {
  const log = new RecordedLog();
  const socket = await UdpSocket.bind({ host: "127.0.0.1", port: 0, dual: false }, log);
  onTestFinished(() => socket.close());
  socket.send({ ip: ipOf("127.0.0.1"), port: 0 }, Uint8Array.of(1));
  socket.send({ ip: ipOf("::1"), port: 9 }, Uint8Array.of(1));
  socket.send({ ip: ipOf("127.0.0.1"), port: 9 }, new Uint8Array(70_000));
  await until("all three are counted", () => socket.counters.sendErrors === 3, { every: 5 });
  expect(log.at("debug")).toEqual(Array(3).fill("packet could not be sent"));
});
