import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { Output, StreamId } from "../../src/swim/host.js";
import { Keyring } from "../../src/wire/keyring.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import type { Ping, StreamMessage } from "../../src/wire/swim-messages.js";
import { address, noBytes, SwimBench, text } from "../support/swim-host.js";

const from = address("10.9.9.9:40000");
const key = text("0123456789abcdef");
const anonymous = { sourceIp: noBytes, sourcePort: 0, sourceNode: "" };
const ping: Ping = { kind: "ping", seq: 5, node: "", ...anonymous };

function plain(message: StreamMessage, compression = false): Uint8Array {
  const nonce = (): Uint8Array => noBytes;
  return sealStream(message, { compression, keyring: undefined, label: "", dialled: true, nonce });
}

function accept(bench: SwimBench): StreamId {
  const stream = bench.swim.acceptStream(bench.now, from);
  expect(stream).toBeDefined();
  return stream as StreamId;
}

function kinds(outputs: readonly Output[]): string[] {
  return outputs.map(({ kind }) => kind);
}

describe("18, 19: a ping over TCP", () => {
  test.for([
    ["", "you"],
    ["me", ""],
    ["me", "you"],
  ] as const)("for '%s' is acked without a payload", ([node, sourceNode]) => {
    const bench = SwimBench.started();
    expect(bench.request({ ...ping, node, sourceNode })).toEqual({
      reply: { kind: "ack", seq: 5, payload: undefined },
      closed: true,
    });
  });

  test("that names nobody is told where it came from", () => {
    const bench = SwimBench.started();
    expect(bench.request({ ...ping, node: "" })).toEqual({
      reply: { kind: "ack", seq: 5, payload: from.ip },
      closed: true,
    });
  });

  test("for another closes without a word", () => {
    const bench = SwimBench.started();
    const silence = { reply: undefined, closed: true };
    expect(bench.request({ ...ping, node: "you" })).toEqual(silence);
  });
});

test("a user message is handed on, an empty one and one that nobody waits for are not", () => {
  const bench = SwimBench.started();
  bench.request({ kind: "user", payload: text("hello") });
  bench.request({ kind: "user", payload: noBytes });
  expect(bench.delegate.userMessages).toEqual(["hello"]);
  const silence = { reply: undefined, closed: true };
  expect(bench.request({ kind: "ack", seq: 1, payload: undefined })).toEqual(silence);
  expect(bench.request({ kind: "error", error: "?" })).toEqual(silence);
});

test("a message may come in any pieces", () => {
  const bench = SwimBench.started();
  const stream = accept(bench);
  const bytes = plain({ kind: "user", payload: text("hello") }, true);
  for (const byte of bytes) bench.swim.receiveStream(0, stream, Uint8Array.of(byte));
  expect(bench.delegate.userMessages).toEqual(["hello"]);
  expect(bench.takeOutputs()).toEqual([{ kind: "close", stream }]);
});

describe("what is wrong with the envelope is told", () => {
  /** What the other side reads with `keys`, if it is told anything. */
  function told(bench: SwimBench, bytes: Uint8Array, keys?: Keyring): StreamMessage | undefined {
    const stream = accept(bench);
    bench.takeOutputs();
    bench.swim.receiveStream(0, stream, bytes);
    const outputs = bench.takeOutputs();
    expect(outputs.at(-1)).toEqual({ kind: "close", stream });
    const [write] = outputs.filter((output) => output.kind === "write");
    if (write === undefined) return undefined;
    return new StreamReader({ keyring: keys, label: "", dialled: true }).feed(write.bytes);
  }

  test("17: plaintext to an encrypted member is answered encrypted", () => {
    const keyring = new Keyring([key]);
    const bench = SwimBench.started({ keyring });
    expect(told(bench, plain(ping), keyring)).toEqual({
      kind: "error",
      error: "Encryption is configured but remote state is not encrypted",
    });
    expect(bench.swim.counters.faults.encryption).toBe(1);
  });

  test("a box to a member without keys is answered in plaintext", () => {
    const nonce = (): Uint8Array => new Uint8Array(12);
    const keyring = new Keyring([key]);
    const sealing = { compression: false, keyring, label: "", dialled: true, nonce };
    expect(told(SwimBench.started(), sealStream(ping, sealing))).toEqual({
      kind: "error",
      error: "Remote state is encrypted and encryption is not configured",
    });
  });

  test("what cannot be decompressed is answered", () => {
    const junk = Uint8Array.of(9, 0x82, 0xa4, 65, 108, 103, 111, 0, 0xa3, 66, 117, 102, 0xa1, 255);
    expect(told(SwimBench.started(), junk)).toMatchObject({ kind: "error" });
  });

  test("a type that no stream carries is not, nor is a label", () => {
    const bench = SwimBench.started();
    expect(told(bench, Uint8Array.of(4, 0x80))).toBeUndefined();
    expect(told(bench, Uint8Array.of(244, 1, 65, 0))).toBeUndefined();
    expect(bench.swim.counters.faults).toMatchObject({ type: 1, label: 1 });
  });
});

describe("a stream of another", () => {
  test("is logged as Serf does", () => {
    const bench = SwimBench.started();
    accept(bench);
    expect(bench.host.lines).toContain("debug Stream connection from=10.9.9.9:40000");
  });

  test("is closed after TCPTimeout, whatever has come", () => {
    const bench = SwimBench.started();
    const silent = accept(bench);
    const slow = accept(bench);
    bench.swim.receiveStream(0, slow, Uint8Array.of(6));
    bench.run(9_999);
    expect(kinds(bench.takeOutputs())).not.toContain("close");
    bench.run(1);
    const closed = [silent, slow].map((stream) => ({ kind: "close", stream }));
    expect(bench.takeOutputs()).toEqual(closed);
    bench.swim.receiveStream(bench.now, slow, plain(ping));
    expect(bench.takeOutputs()).toEqual([]);
  });

  test("that ends early is closed without a word, and one that broke needs no closing", () => {
    const bench = SwimBench.started();
    const stream = accept(bench);
    bench.swim.receiveStream(0, stream, Uint8Array.of(6));
    bench.swim.streamClosed(0, stream, undefined);
    expect(bench.takeOutputs()).toEqual([{ kind: "close", stream }]);
    bench.swim.streamClosed(0, accept(bench), "connection reset by peer");
    bench.swim.streamClosed(0, 999, undefined);
    expect(bench.takeOutputs()).toEqual([]);
  });
});

describe("the streams of others", () => {
  test("are 2048 at once", () => {
    const bench = SwimBench.started();
    const streams = Array.from({ length: 2_048 }, () => accept(bench));
    expect(bench.swim.acceptStream(0, from)).toBeUndefined();
    expect(bench.swim.counters.streamsRefused).toBe(1);
    bench.swim.streamClosed(0, streams[7] as StreamId, undefined);
    expect(bench.swim.acceptStream(0, from)).toBeDefined();
    bench.run(10_000);
    expect(bench.swim.acceptStream(bench.now, from)).toBeDefined();
  });

  test("1.9: of which 127 may be in the middle of their message", () => {
    const bench = SwimBench.started();
    const streams = Array.from({ length: 127 }, () => accept(bench));
    for (const stream of streams) bench.swim.receiveStream(0, stream, Uint8Array.of(6));
    const further = accept(bench);
    bench.swim.receiveStream(0, further, Uint8Array.of(6));
    expect(bench.takeOutputs()).toEqual([{ kind: "close", stream: further }]);
    expect(bench.request(ping).reply).toMatchObject({ kind: "ack" });
    bench.swim.streamClosed(0, streams[0] as StreamId, undefined);
    bench.takeOutputs();
    bench.swim.receiveStream(0, accept(bench), Uint8Array.of(6));
    expect(bench.takeOutputs()).toEqual([]);
  });

  test("and hold 64 MiB together", () => {
    const bench = SwimBench.started({ keyring: new Keyring([key]) });
    const header = Uint8Array.of(10, 0x01, 0x40, 0, 0);
    const chunk = new Uint8Array(16 * 1_048_576);
    const cut: boolean[] = [];
    for (let count = 0; count < 5; count += 1) {
      const stream = accept(bench);
      bench.swim.receiveStream(0, stream, header);
      bench.swim.receiveStream(0, stream, chunk);
      cut.push(kinds(bench.takeOutputs()).includes("close"));
    }
    expect(cut).toEqual([false, false, false, true, true]);
    expect(bench.request(ping).reply).toMatchObject({ kind: "ack" });
  });

  test("hold nothing any more once they are closed, though their time is not over", async () => {
    const bench = SwimBench.started();
    const held = [undefined, "connection reset by peer"].map((reason) => {
      const stream = accept(bench);
      const { buffer } = Uint8Array.of(6);
      bench.swim.receiveStream(0, stream, new Uint8Array(buffer));
      bench.swim.streamClosed(0, stream, reason);
      return new WeakRef(buffer);
    });
    setFlagsFromString("--expose-gc");
    await new Promise(setImmediate);
    (runInNewContext("gc") as () => void)();
    expect(held.map((buffer) => buffer.deref())).toEqual([undefined, undefined]);
  });
});
