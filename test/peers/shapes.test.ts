import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compress } from "../../src/wire/lzw.js";
import { encodeSerfMessage } from "../../src/wire/serf-messages.js";
import { Agent, type Kind, loopbackNet } from "../support/agents.js";
import { Observer, type Seen } from "../support/observer.js";
import { missingPrograms } from "../support/programs.js";
import { pause, until } from "../support/wait.js";

const none = { sourceIp: new Uint8Array(0), sourcePort: 0, sourceNode: "" };

/** Plays the same scenes to one agent and keeps all that it sends. */
async function watch(kind: Kind): Promise<Seen[]> {
  const ip = loopbackNet();
  const observer = new Observer("observer", ip(2));
  await observer.open();
  const agent = await Agent.start({ kind, name: "subject", ip: ip(1), args: ["-tag=role=web"] });
  const bytesOf = (address: string): Uint8Array => Buffer.from(address.split(".").map(Number));
  const seen = (what: string, transport: "udp" | "tcp" = "udp"): Promise<boolean> =>
    until(`${kind} sends ${what}`, () => observer.of(what, transport).length > 0, {
      timeout: 20_000,
      last: () => observer.seen.map(({ kinds }) => kinds.join("+")),
    });
  try {
    await observer.join(agent.ip);
    await seen("alive");
    await seen("ping");
    observer.send(agent.ip, { kind: "ping", seq: 7, node: "subject", ...none });
    await seen("ack");
    observer.send(agent.ip, {
      kind: "indirect-ping",
      seq: 8,
      node: "nobody",
      targetIp: bytesOf(ip(9)),
      targetPort: 7946,
      nack: true,
      ...none,
    });
    await seen("nack");
    const event = encodeSerfMessage({
      kind: "user-event",
      ltime: 5,
      name: "deploy",
      payload: Buffer.from("v1"),
      coalesce: true,
    });
    observer.send(agent.ip, { kind: "user", payload: event });
    await seen("user.user-event");
    const query = encodeSerfMessage({
      kind: "query",
      ltime: 5,
      id: 77,
      ip: bytesOf(observer.ip),
      port: 7946,
      sourceNode: "observer",
      filters: undefined,
      flags: 1,
      relayFactor: 0,
      timeout: 5_000,
      name: "load",
      payload: undefined,
    });
    observer.send(agent.ip, { kind: "user", payload: query });
    await seen("user.query");
    await seen("user.query-response");
    const intent = encodeSerfMessage({ kind: "leave", ltime: 50, node: "subject", prune: false });
    observer.send(agent.ip, { kind: "user", payload: intent });
    await seen("user.join");
    const aliveBefore = observer.of("alive").length;
    observer.send(agent.ip, { kind: "suspect", node: "subject", incarnation: 9, from: "observer" });
    await until(`${kind} refutes`, () => observer.of("alive").length > aliveBefore);
    observer.answersPings = false;
    await seen("suspect");
    await seen("ping", "tcp");
    observer.answersPings = true;
    await pause(500);
    await agent.cli(["leave"]);
    await seen("user.leave");
    return observer.seen;
  } finally {
    await agent.end();
    observer.close();
  }
}

describe.skipIf(missingPrograms("serf").length > 0)("frames on the wire", () => {
  let serf: Seen[] = [];
  let ours: Seen[] = [];

  beforeAll(async () => {
    [serf, ours] = await Promise.all([watch("serf"), watch("gossipd")]);
  }, 120_000);

  afterAll(() => {
    serf = [];
    ours = [];
  });

  const shapesOf = (frames: Seen[], transport: string): string[] =>
    [
      ...new Set(
        frames.filter((seen) => seen.transport === transport).flatMap(({ shapes }) => shapes),
      ),
    ].sort();

  test("every message in a packet has the shape that Serf gives it", () => {
    expect(shapesOf(ours, "udp")).toEqual(shapesOf(serf, "udp"));
  });

  test("every message on a stream has the shape that Serf gives it", () => {
    expect(shapesOf(ours, "tcp")).toEqual(shapesOf(serf, "tcp"));
  });

  describe.each([
    ["Serf", () => serf],
    ["gossipd", () => ours],
  ] as const)("%s", (_, frames) => {
    const packets = (): Seen[] => frames().filter(({ transport }) => transport === "udp");

    test("pings, acks, nacks and responses carry no checksum", () => {
      const bare = /^(ping|ack|nack|indirect-ping|user\.query-response)$/;
      const direct = packets().filter(
        ({ kinds }) => bare.test(kinds[0] as string) && !kinds.includes("suspect"),
      );
      expect(direct.length).toBeGreaterThan(3);
      expect(direct.filter(({ layers }) => layers.includes("crc"))).toEqual([]);
    });

    test("gossip and the probe of a suspect carry one", () => {
      const gossip = packets().filter(({ kinds }) => {
        const [first] = kinds as [string];
        return (
          (first === "ping" && kinds.includes("suspect")) ||
          /^(alive|suspect|dead|user\.(join|leave|user-event|query))$/.test(first)
        );
      });
      expect(gossip.length).toBeGreaterThan(3);
      expect(gossip.filter(({ layers }) => layers[0] !== "crc")).toEqual([]);
    });

    test("a packet is compressed exactly if that makes it shorter", () => {
      for (const { layers, inner } of packets()) {
        const body = compress(inner);
        const header = body.length < 32 ? 1 : body.length < 65_536 ? 3 : 5;
        const compressedLength = 1 + 1 + 5 + 1 + 4 + header + body.length;
        expect(layers.includes("compress")).toBe(compressedLength < inner.length);
      }
    });

    test("a stream is always compressed", () => {
      const streams = frames().filter(({ transport }) => transport === "tcp");
      expect(streams.length).toBeGreaterThan(1);
      expect(streams.filter(({ layers }) => !layers.includes("compress"))).toEqual([]);
    });

    test("a probe of a suspect is exactly ping and suspect", () => {
      const probes = packets().filter(
        ({ kinds }) => kinds[0] === "ping" && kinds.includes("suspect"),
      );
      for (const { kinds } of probes) expect(kinds).toEqual(["ping", "suspect"]);
    });
  });
});
