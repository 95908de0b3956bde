import { describe, expect, test } from "vitest";
import type { IndirectPing, PacketMessage, Ping } from "../../src/wire/swim-messages.js";
import { noBytes, type SentPacket, SwimBench, text } from "../support/swim-host.js";

const request: IndirectPing = {
  kind: "indirect-ping",
  seq: 77,
  node: "m5",
  targetIp: Uint8Array.of(10, 0, 0, 5),
  targetPort: 7_950,
  nack: true,
  sourceIp: Uint8Array.of(10, 0, 0, 3),
  sourcePort: 7_948,
  sourceNode: "m3",
};

const ping: Ping = {
  kind: "ping",
  seq: 9,
  node: "me",
  sourceIp: Uint8Array.of(10, 0, 0, 3),
  sourcePort: 7_948,
  sourceNode: "m3",
};

const anonymous = { sourceIp: noBytes, sourcePort: 0, sourceNode: "" };

/** Main message and address of all packets; what was piggybacked left out. */
function sent(bench: SwimBench): { to: string; message: PacketMessage | undefined }[] {
  return bench.takePackets().map(({ to, messages }: SentPacket) => ({ to, message: messages[0] }));
}

describe("31: a helper", () => {
  test("pings the target with its own number and source", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:9999", request);
    expect(sent(bench)).toEqual([
      {
        to: "10.0.0.5:7950",
        message: {
          kind: "ping",
          seq: 1,
          node: "m5",
          sourceIp: Uint8Array.of(10, 0, 0, 1),
          sourcePort: 7_946,
          sourceNode: "me",
        },
      },
    ]);
  });

  test("19: passes the ack on under the asker's number, without its payload", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:9999", request);
    bench.takePackets();
    bench.run(300);
    bench.receive("10.0.0.5:7950", { kind: "ack", seq: 1, payload: text("coordinate") });
    const ack = { kind: "ack", seq: 77, payload: undefined };
    expect(sent(bench)).toEqual([{ to: "10.0.0.3:7948", message: ack }]);
    bench.run(300);
    expect(sent(bench)).toEqual([]);
  });

  test("nacks after ProbeTimeout and ignores what comes later", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:9999", request);
    bench.takePackets();
    bench.run(499);
    expect(sent(bench)).toEqual([]);
    bench.run(1);
    expect(sent(bench)).toEqual([{ to: "10.0.0.3:7948", message: { kind: "nack", seq: 77 } }]);
    bench.receive("10.0.0.5:7950", { kind: "ack", seq: 1, payload: undefined });
    expect(sent(bench)).toEqual([]);
  });

  test("is silent to one that does not know nacks", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:9999", { ...request, nack: false });
    bench.takePackets();
    bench.run(1_000);
    expect(sent(bench)).toEqual([]);
  });

  test("answers to where the packet came from if it names no source", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:9999", { ...request, ...anonymous });
    bench.run(500);
    expect(sent(bench).at(-1)).toMatchObject({ to: "10.0.0.3:9999", message: { kind: "nack" } });
  });

  test("takes its own port for a target without one", () => {
    const bench = SwimBench.started({ bindPort: 7_999 });
    bench.receive("10.0.0.3:9999", { ...request, targetPort: 0 });
    expect(sent(bench)[0]?.to).toBe("10.0.0.5:7999");
  });

  test("helps 1024 at once and no more, and not towards what is no address", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.3:9999", { ...request, targetIp: Uint8Array.of(10, 0, 0) });
    expect(bench.swim.counters).toMatchObject({ pingsRelayed: 0, relaysRefused: 1 });
    for (let count = 0; count < 1_030; count += 1) bench.receive("10.0.0.3:9999", request);
    expect(bench.swim.counters).toMatchObject({ pingsRelayed: 1_024, relaysRefused: 7 });
    bench.run(500);
    bench.receive("10.0.0.3:9999", request);
    expect(bench.swim.counters.pingsRelayed).toBe(1_025);
  });
});

test("a helper sends no larger packets than members do", () => {
  const bench = SwimBench.started();
  bench.receive("10.0.0.3:9999", { ...request, node: "x".repeat(50_000) });
  expect(sent(bench)).toEqual([]);
});

describe("a ping is answered", () => {
  test("19, 20: with our payload, to the source it names", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.77:5555", ping);
    const [packet] = bench.takePackets();
    expect(packet).toMatchObject({ to: "10.0.0.3:7948", checksum: false });
    const ack = { kind: "ack", seq: 9, payload: text("coordinate") };
    expect(packet?.messages[0]).toEqual(ack);
  });

  test.for([anonymous, { ...anonymous, sourcePort: 7_948 }, { ...ping, sourcePort: 0 }])(
    "20: to where it came from if it does not name address and port (%#)",
    (source) => {
      const bench = SwimBench.started();
      bench.receive("10.0.0.77:5555", { ...ping, ...source, kind: "ping", seq: 9, node: "" });
      expect(bench.takePackets()[0]?.to).toBe("10.0.0.77:5555");
    },
  );

  test("not if it means another", () => {
    const bench = SwimBench.started();
    bench.receive("10.0.0.77:5555", { ...ping, node: "you" });
    expect(bench.takePackets()).toEqual([]);
    expect(bench.host.lines).toContain(
      "warn Got ping for unexpected node 'you' from=10.0.0.77:5555",
    );
  });
});
