import fc from "fast-check";
import type { Bytes } from "../../src/base/units.js";
import { encodeFilter, type QueryFilter, type SerfMessage } from "../../src/wire/serf-messages.js";
import type { MemberState, PacketMessage, StreamMessage } from "../../src/wire/swim-messages.js";
import { decodeText } from "../../src/wire/text.js";
import "../support/seed.js";

/** With the prototype that all other objects have. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

/* Messages of every kind, with whatever their fields may hold. */

const bytes = (maxLength = 300): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ maxLength }).map((one) => Uint8Array.from(one));
const maybe = fc.option(bytes(), { nil: undefined });
/** Any name a peer can give, also such that is no UTF-8. */
const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("n".repeat(31), "n".repeat(32), "n".repeat(300), "ä".repeat(16), "__proto__"),
  fc.uint8Array({ maxLength: 40 }).map((one) => decodeText(one)),
);
const u8 = fc.nat(0xff);
const u16 = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 127, 128, 255, 256));
const u32 = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536));
const ltime = fc.oneof(u32, fc.maxSafeNat());
const ip = fc.oneof(
  bytes(16),
  fc.constantFrom(4, 16).map((length) => new Uint8Array(length)),
);
const versions = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((one) => Uint8Array.from(one));
/** Whole nanoseconds, as far as a number tells them apart. */
const timeout = fc.nat(2 ** 31).map((count) => (count * 1_009) / 1e6);

const source = { sourceIp: ip, sourcePort: u16, sourceNode: name };
const pingMessage = record({ kind: fc.constant("ping"), seq: u32, node: name, ...source });
const ackMessage = record({ kind: fc.constant("ack"), seq: u32, payload: maybe });
const userMessage = record({ kind: fc.constant("user"), payload: bytes(2_000) });
const accusation = { node: name, incarnation: u32, from: name };
const claim = { node: name, incarnation: u32, ip, port: u16, meta: maybe, versions };

export const packetMessage: fc.Arbitrary<PacketMessage> = fc.oneof(
  pingMessage,
  record({
    kind: fc.constant("indirect-ping"),
    seq: u32,
    node: name,
    targetIp: ip,
    targetPort: u16,
    nack: fc.boolean(),
    ...source,
  }),
  ackMessage,
  record({ kind: fc.constant("nack"), seq: u32 }),
  record({ kind: fc.constant("alive"), ...claim }),
  record({ kind: fc.constant("suspect"), ...accusation }),
  record({ kind: fc.constant("dead"), ...accusation }),
  userMessage,
);

const memberState: fc.Arbitrary<MemberState> = record({
  ...claim,
  state: fc.constantFrom("alive", "suspect", "dead", "left"),
});

export const streamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  record({
    kind: fc.constant("push-pull"),
    join: fc.boolean(),
    members: fc.array(memberState, { maxLength: 20 }),
    userState: bytes(2_000),
  }),
  pingMessage,
  ackMessage,
  userMessage,
  record({ kind: fc.constant("error"), error: name }),
);

const names = fc.array(name, { maxLength: 20 });
const tags = fc.array(fc.tuple(name, name), { maxLength: 20 }).map((pairs) => new Map(pairs));

export const filter: fc.Arbitrary<QueryFilter> = fc.oneof(
  record({ kind: fc.constant("nodes"), nodes: names }),
  record({ kind: fc.constant("tag"), tag: name, expr: name }),
);

const event = record({ name, payload: maybe });
const slot = record({ ltime, events: fc.array(event, { maxLength: 5 }) });

const plainSerfMessage: fc.Arbitrary<SerfMessage> = fc.oneof(
  record({ kind: fc.constant("leave"), ltime, node: name, prune: fc.boolean() }),
  record({ kind: fc.constant("join"), ltime, node: name }),
  record({
    kind: fc.constant("push-pull"),
    ltime,
    eventLtime: ltime,
    queryLtime: ltime,
    statusLtimes: fc.array(fc.tuple(name, ltime), { maxLength: 20 }).map((all) => new Map(all)),
    leftMembers: names,
    events: fc.array(fc.option(slot, { nil: undefined }), { maxLength: 40 }),
  }),
  record({
    kind: fc.constant("user-event"),
    ltime,
    name,
    payload: maybe,
    coalesce: fc.boolean(),
  }),
  record({
    kind: fc.constant("query"),
    ltime,
    id: u32,
    ip,
    port: u16,
    sourceNode: name,
    filters: fc.option(fc.array(filter.map(encodeFilter), { minLength: 1, maxLength: 4 }), {
      nil: undefined,
    }),
    flags: u32,
    relayFactor: u8,
    timeout,
    name,
    payload: maybe,
  }),
  record({
    kind: fc.constant("query-response"),
    ltime,
    id: u32,
    from: name,
    flags: u32,
    payload: maybe,
  }),
  record({
    kind: fc.constant("conflict-response"),
    member: fc.option(
      record({
        name,
        ip,
        port: u16,
        tags,
        status: fc.nat(4),
        protocolMin: u8,
        protocolMax: u8,
        protocolCur: u8,
        delegateMin: u8,
        delegateMax: u8,
        delegateCur: u8,
      }),
      { nil: undefined },
    ),
  }),
  record({ kind: fc.constant("key-request"), key: maybe }),
  record({
    kind: fc.constant("key-response"),
    result: fc.boolean(),
    message: name,
    keys: fc.option(names, { nil: undefined }),
    primaryKey: name,
  }),
);

const relayed = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((one) => Uint8Array.from(one));

export const serfMessage: fc.Arbitrary<SerfMessage> = fc.oneof(
  { weight: 9, arbitrary: plainSerfMessage },
  {
    weight: 1,
    arbitrary: record({
      kind: fc.constant("relay"),
      destIp: ip,
      destPort: u16,
      destZone: name,
      destNode: name,
      message: relayed,
    }),
  },
);

export const tagMap = tags;

const component = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer().map((value) => value + 0),
);

export const coordinate = record({
  vec: fc.array(component, { maxLength: 10 }),
  error: component,
  adjustment: component,
  height: component,
});
