import fc from "fast-check";
import { expect, test } from "vitest";
import { packValues } from "../../src/rpc/framing.js";
import { Bench } from "./bench.js";
import { ok } from "./raw-client.js";

const handshake = packValues({ Command: "handshake", Seq: 1 }, { Version: 1 });

/** A run of ordinary requests, to be spoilt. */
const session = Buffer.concat([
  handshake,
  packValues({ Command: "join", Seq: 2 }, { Existing: ["10.0.0.1"], Replay: true }),
  packValues(
    { Command: "event", Seq: 3 },
    { Coalesce: true, Name: "n", Payload: Buffer.alloc(40) },
  ),
  packValues({ Command: "stream", Seq: 4 }, { Type: "*" }),
  packValues({ Command: "tags", Seq: 5 }, { DeleteTags: null, Tags: { a: "b" } }),
  packValues({ Command: "stats", Seq: 6 }),
]);

/** Sends `bytes` and nothing more; then the server has to close, and still to serve others. */
async function survives(bench: Bench, bytes: Uint8Array): Promise<void> {
  const client = await bench.client({ allowHalfOpen: true });
  client.write(bytes).finish();
  await client.rest();
  const other = await (await bench.client()).greet();
  other.request("stats", 2);
  expect(await other.take(2)).toEqual([ok(2), {}]);
  other.destroy();
  expect(bench.logged.filter((line) => line.startsWith("error"))).toEqual([]);
}

test("junk ends its own connection and nothing else", async () => {
  const bench = await Bench.start();
  const junk = fc.uint8Array({ minLength: 1, maxLength: 600 });
  await fc.assert(
    fc.asyncProperty(junk, fc.boolean(), async (bytes, greeted) => {
      await survives(bench, greeted ? Buffer.concat([handshake, bytes]) : bytes);
    }),
    { numRuns: 60 },
  );
});

test("requests with flipped bits, cut anywhere, end their own connection and nothing else", async () => {
  const bench = await Bench.start();
  const flip = fc.tuple(fc.nat(session.length - 1), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(flip, { maxLength: 4 }),
      fc.nat(session.length),
      async (flips, length) => {
        const bytes = Buffer.from(session);
        for (const [at, mask] of flips) bytes[at] = (bytes[at] as number) ^ mask;
        await survives(bench, bytes.subarray(0, length));
      },
    ),
    { numRuns: 100 },
  );
});

test.for([
  ["a string", "db7fffffff"],
  ["a list", "dd7fffffff"],
  ["a map", "df7fffffff"],
  ["bytes", "c67fffffff"],
] as const)("%s of 2 GiB is refused when it is announced", async ([_what, hex]) => {
  const bench = await Bench.start();
  const client = await (await bench.client()).greet();
  client.write(Buffer.from(hex, "hex"));
  expect(await client.rest()).toEqual([]);
  expect(bench.warnings).toEqual([expect.stringContaining("a value is longer than 262144 bytes")]);
});

test("many clients that stream without end cost no more than the limit each", async () => {
  const bench = await Bench.start({ limits: { requestBytes: 10_000 } });
  const clients = await Promise.all(Array.from({ length: 20 }, () => bench.client()));
  for (const client of clients) {
    client.write(handshake);
    client.write(Buffer.concat([Buffer.from("c600002706", "hex"), Buffer.alloc(9_000)]));
  }
  const before = process.memoryUsage().arrayBuffers;
  for (const client of clients) client.write(Buffer.alloc(2_000));
  for (const client of clients) expect(await client.rest()).toEqual([ok(1)]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 200_000);
});
