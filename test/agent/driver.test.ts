import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { Keyring } from "../../src/wire/keyring.js";
import { until } from "../support/wait.js";
import { ipOf, type LoopbackMember, startMember } from "./loopback-member.js";

/** Waits until all of these members show these statuses. */
async function agree(
  members: readonly LoopbackMember[],
  statuses: Record<string, string>,
): Promise<void> {
  const views = (): unknown[] => members.map((member) => member.statuses());
  const wanted = JSON.stringify(members.map(() => statuses));
  await until("all members agree", () => JSON.stringify(views()) === wanted, {
    every: 10,
    last: views,
  });
}

describe("two members on real sockets", () => {
  test.for([
    { how: "over IPv4", one: "127.0.0.1", other: "127.0.0.2", config: {} },
    { how: "over IPv6", one: "::1", other: "::1", config: {} },
    { how: "uncompressed", one: "127.0.0.1", other: "127.0.0.1", config: { compression: false } },
    {
      how: "encrypted",
      one: "127.0.0.1",
      other: "127.0.0.1",
      config: { keyring: new Keyring([new Uint8Array(32).fill(7)]) },
    },
  ])("join, see a leave, and nobody objects to a packet ($how)", async ({ one, other, config }) => {
    const a = await startMember("a", one, config);
    const b = await startMember("b", other, config);
    expect(await a.join(b.address)).toEqual({ contacted: 1, failures: [] });
    await agree([a, b], { a: "alive", b: "alive" });
    expect(b.serf.members()[0]?.tags).toEqual(new Map([["on", one]]));
    await b.leave();
    await agree([a, b], { a: "alive", b: "left" });
    for (const { log } of [a, b]) expect([...log.at("warn"), ...log.at("error")]).toEqual([]);
    expect(a.events.map(({ kind }) => kind)).toEqual([
      "member-join",
      "member-join",
      "member-leave",
    ]);
  });

  test("a member that is bound to all addresses takes streams over IPv4 and IPv6", async () => {
    const advertise = { ip: ipOf("::ffff:127.0.0.1"), port: 0 };
    const everywhere = await startMember("everywhere", "0.0.0.0", { advertise });
    const four = await startMember("four", "127.0.0.3");
    const six = await startMember("six", "::1");
    const { port } = everywhere.address;
    await four.join({ ip: ipOf("127.0.0.1"), port });
    await six.join({ ip: ipOf("::1"), port });
    await agree([everywhere], { everywhere: "alive", four: "alive", six: "alive" });
  });

  test("joining oneself counts as one", async () => {
    const a = await startMember("a", "127.0.0.1");
    expect(await a.join(a.address)).toEqual({ contacted: 1, failures: [] });
  });
});

describe("what cannot be reached", () => {
  test("is told in Go's words, and the other targets are tried", async () => {
    const a = await startMember("a", "127.0.0.1");
    const b = await startMember("b", "127.0.0.1");
    const gone = { ip: ipOf("127.0.0.77"), port: b.address.port };
    const { contacted, failures } = await a.join(gone, b.address);
    expect(contacted).toBe(1);
    expect(failures.map(({ reason }) => reason)).toEqual([
      `dial tcp 127.0.0.77:${gone.port}: connect: connection refused`,
    ]);
  });

  test.for([
    { what: "port 0", address: { ip: Uint8Array.of(127, 0, 0, 1), port: 0 } },
    { what: "IPv6 from an IPv4 socket", address: { ip: ipOf("::1"), port: 9 } },
    { what: "no address", address: { ip: Uint8Array.of(1, 2, 3), port: 9 } },
    { what: "a broadcast address", address: { ip: Uint8Array.of(255, 255, 255, 255), port: 9 } },
  ])("$what is a failure, not an accident", async ({ address }) => {
    const a = await startMember("a", "127.0.0.1");
    const { failures } = await a.join(address);
    expect(failures).toHaveLength(1);
    a.sockets.udp.send(address, Uint8Array.of(0));
    expect(await a.join(a.address)).toMatchObject({ contacted: 1 });
  });

  test("a peer that cuts the connection is a failure", async () => {
    const server = createServer((socket) => socket.resetAndDestroy());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const a = await startMember("a", "127.0.0.1");
    const { failures } = await a.join({ ip: ipOf("127.0.0.1"), port });
    expect(failures[0]?.reason).toMatch(/connection reset by peer|broken pipe|EOF/);
  });

  test("a port that is taken is named", async () => {
    const a = await startMember("a", "127.0.0.1");
    const { openSockets } = await import("../../src/agent/sockets.js");
    const { port } = a.address;
    await expect(openSockets(a.address, a.log)).rejects.toThrow(
      `Failed to start TCP listener on "127.0.0.1" port ${port}: listen tcp 127.0.0.1:${port}: bind: address already in use`,
    );
    const udp = createSocket("udp4").bind(0, "127.0.0.1");
    await once(udp, "listening");
    onTestFinished(() => void udp.close());
    const taken = udp.address().port;
    await expect(openSockets({ ip: ipOf("127.0.0.1"), port: taken }, a.log)).rejects.toThrow(
      `Failed to start UDP listener on "127.0.0.1" port ${taken}: listen udp 127.0.0.1:${taken}: bind: address already in use`,
    );
  });
});

describe("what strangers send", () => {
  test("does not disturb: junk and empty datagrams, junk and silent streams", async () => {
    const a = await startMember("a", "127.0.0.1");
    const { port } = a.address;
    const udp = createSocket("udp4");
    onTestFinished(() => void udp.close());
    for (let length = 0; length < 40; length += 1) {
      udp.send(
        Uint8Array.from({ length }, (_, index) => index * length),
        port,
        "127.0.0.1",
      );
    }
    const silent = connect(port, "127.0.0.1");
    onTestFinished(() => void silent.destroy());
    const junk = connect(port, "127.0.0.1");
    junk.end(Buffer.alloc(1_000, 0xff));
    await once(junk.resume(), "close");
    const reset = connect(port, "127.0.0.1");
    await once(reset, "connect");
    reset.resetAndDestroy();
    const b = await startMember("b", "127.0.0.1");
    expect(await b.join(a.address)).toMatchObject({ contacted: 1 });
    await agree([a, b], { a: "alive", b: "alive" });
  });

  test("an error frame reaches who dialled, though not all of what it sent was read", async () => {
    const keyring = new Keyring([new Uint8Array(16).fill(1)]);
    const secret = await startMember("secret", "127.0.0.1", { keyring });
    const open = await startMember("open", "127.0.0.1");
    const { failures } = await open.join(secret.address);
    expect(failures[0]?.reason).toMatch(/encrypt/i);
  });
});

test("after a stall all that waits is read before any timer runs", async () => {
  const { address, serf } = await startMember("a", "127.0.0.1");
  const inputs: string[] = [];
  const receivePacket = serf.receivePacket.bind(serf);
  const handleTimeout = serf.handleTimeout.bind(serf);
  serf.receivePacket = (...packet) => {
    inputs.push("packet");
    receivePacket(...packet);
  };
  serf.handleTimeout = (now) => {
    inputs.push("timeout");
    handleTimeout(now);
  };
  // Without a look-up each datagram is in the other's buffer when `send` returns.
  const udp = createSocket({ type: "udp4", lookup: (host, _, done) => done(null, host, 4) });
  onTestFinished(() => void udp.close());
  udp.bind(0, "127.0.0.1");
  inputs.length = 0;
  for (let sent = 0; sent < 150; sent += 1) udp.send("x", address.port, "127.0.0.1");
  for (const end = performance.now() + 250; performance.now() < end; );
  await until("a timer ran", () => inputs.includes("timeout"));
  expect(inputs.indexOf("timeout")).toBe(150);
});

test("a stopped driver lets go of its port and of the process", async () => {
  const a = await startMember("a", "127.0.0.1");
  const b = await startMember("b", "127.0.0.1");
  await b.join(a.address);
  await a.driver.stop();
  const { failures } = await b.join(a.address);
  expect(failures[0]?.reason).toMatch(/connection refused$/);
});
