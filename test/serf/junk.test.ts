import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeSerfMessage, type SerfMessage } from "../../src/wire/serf-messages.js";
import { LoneSerf } from "../support/lone-serf.js";

const vectors = JSON.parse(
  readFileSync(new URL("../fixtures/vectors/messages.json", import.meta.url), "utf8"),
) as { serf: { hex: string }[] };

const recorded = vectors.serf.map(({ hex }) => Uint8Array.from(Buffer.from(hex, "hex")));

/** The machine is none the worse for what it received. */
function expectSound(lone: LoneSerf): void {
  lone.run(20_000);
  expect(lone.serf.local).toMatchObject({ name: "self", status: "alive" });
}

test("user messages of random bytes are dropped", () => {
  const payload = fc
    .tuple(fc.nat(12), fc.uint8Array({ maxLength: 80 }))
    .map(([type, rest]) => Uint8Array.of(type, ...rest));
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 40 }), (payloads) => {
      const lone = new LoneSerf();
      for (const bytes of payloads) lone.hearBytes(bytes);
      expectSound(lone);
    }),
    { numRuns: 60 },
  );
});

test("recorded messages with bytes changed, cut off and put in are dropped or taken", () => {
  const spoiled = fc
    .tuple(
      fc.constantFrom(...recorded),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(400),
    )
    .map(([original, changes, end]) => {
      const bytes = Uint8Array.from(original);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes.subarray(0, Math.max(1, end));
    });
  fc.assert(
    fc.property(fc.array(spoiled, { maxLength: 40 }), (payloads) => {
      const lone = new LoneSerf();
      for (const bytes of payloads) lone.hearBytes(bytes);
      expectSound(lone);
    }),
    { numRuns: 60 },
  );
});

const name = fc.oneof(
  fc.constantFrom("self", "a", "b", "_serf_ping", "_serf_conflict", "_serf_list-keys", ""),
  fc.string({ maxLength: 30 }),
  fc.constant("long".repeat(500)),
);
const ltime = fc.oneof(fc.nat(700), fc.maxSafeNat());
const bytes = fc.uint8Array({ maxLength: 20 });
const payload = fc.option(bytes, { nil: undefined });
const port = fc.nat(65_535);

const message: fc.Arbitrary<SerfMessage> = fc.oneof(
  fc.record({ kind: fc.constant("leave" as const), ltime, node: name, prune: fc.boolean() }),
  fc.record({ kind: fc.constant("join" as const), ltime, node: name }),
  fc.record({
    kind: fc.constant("user-event" as const),
    ltime,
    name,
    payload,
    coalesce: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("query" as const),
    ltime,
    id: fc.nat(),
    ip: bytes,
    port,
    sourceNode: name,
    filters: fc.option(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })), {
      nil: undefined,
    }),
    flags: fc.nat(7),
    relayFactor: fc.nat(255),
    timeout: fc.oneof(fc.nat(10_000), fc.constant(-1), fc.constant(1e12)),
    name,
    payload,
  }),
  fc.record({
    kind: fc.constant("query-response" as const),
    ltime,
    id: fc.nat(),
    from: name,
    flags: fc.nat(3),
    payload,
  }),
  fc.record({
    kind: fc.constant("relay" as const),
    destIp: bytes,
    destPort: port,
    destZone: name,
    destNode: name,
    message: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  }),
  fc.record({
    kind: fc.constant("push-pull" as const),
    ltime,
    eventLtime: ltime,
    queryLtime: ltime,
    statusLtimes: fc.array(fc.tuple(name, ltime)).map((entries) => new Map(entries)),
    leftMembers: fc.array(name),
    events: fc.array(
      fc.option(fc.record({ ltime, events: fc.array(fc.record({ name, payload })) }), {
        nil: undefined,
      }),
    ),
  }),
  fc.constant({ kind: "key-request", key: undefined } as const),
);

test("well-formed messages with absurd contents leave a sound machine", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
      const lone = new LoneSerf();
      lone.meet("a", 2);
      lone.meet("b", 3);
      for (const one of messages) {
        lone.hear(one);
        if (one.kind === "push-pull") lone.exchange(one);
      }
      expectSound(lone);
      const { leftMembers, statusLtimes } = lone.exchange(
        messages[0] ?? { kind: "join", ltime: 1, node: "x" },
      );
      for (const left of leftMembers) expect(statusLtimes.has(left)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test("recorded messages count as understood, so that the tests above spoil something", () => {
  const lone = new LoneSerf();
  for (const bytes of recorded) if ((bytes[0] ?? 0) <= 9) lone.hearBytes(bytes);
  expect(lone.serf.counters.messagesReceived).toBeGreaterThan(lone.serf.counters.undecodable);
  expect(encodeSerfMessage({ kind: "join", ltime: 4, node: "beta" })).toEqual(
    recorded.find((bytes) => bytes[0] === 1),
  );
});
