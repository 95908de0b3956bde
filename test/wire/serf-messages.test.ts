import { describe, expect, test } from "vitest";
import { InvariantError } from "../../src/base/errors.js";
import { DecodeError } from "../../src/wire/errors.js";
import {
  type CoordinateMessage,
  decodeAckPayload,
  decodeFilter,
  decodeSerfMessage,
  decodeTags,
  encodeAckPayload,
  encodeFilter,
  encodeSerfMessage,
  encodeTags,
  type QueryFilter,
  type QueryMessage,
  type SerfMessage,
} from "../../src/wire/serf-messages.js";
import { concat, hex, loadVectors, unhex } from "./vectors.js";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly hex_head?: string;
}

const vectors = loadVectors<{ serf: Vector[] }>("messages.json").serf;

function vectorOf(name: string): Vector {
  const vector = vectors.find((one) => one.name === name);
  if (vector === undefined) throw new Error(`no vector named ${name}`);
  return vector;
}

const loopback = unhex("7f000001");
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

const query: QueryMessage = {
  kind: "query",
  ltime: 1,
  id: 1_298_498_081,
  ip: loopback,
  port: 7_946,
  sourceNode: "alpha",
  filters: undefined,
  flags: 0,
  relayFactor: 0,
  timeout: 15_000,
  name: "uptime",
  payload: undefined,
};

const filters: Record<string, QueryFilter> = {
  filter_node: { kind: "nodes", nodes: ["alpha", "beta"] },
  filter_tag: { kind: "tag", tag: "role", expr: "^web$" },
};

const messages: Record<string, SerfMessage> = {
  leave: { kind: "leave", ltime: 5, node: "beta", prune: false },
  leave_prune: { kind: "leave", ltime: 300, node: "beta", prune: true },
  join: { kind: "join", ltime: 4, node: "beta" },
  push_pull: {
    kind: "push-pull",
    ltime: 10,
    eventLtime: 2,
    queryLtime: 1,
    statusLtimes: new Map([["alpha", 3]]),
    leftMembers: ["gamma"],
    events: [
      undefined,
      {
        ltime: 1,
        events: [
          { name: "deploy", payload: text("v1") },
          { name: "empty", payload: undefined },
        ],
      },
      undefined,
    ],
  },
  user_event: {
    kind: "user-event",
    ltime: 2,
    name: "deploy",
    payload: text("v1.2.3"),
    coalesce: true,
  },
  user_event_nil_payload: {
    kind: "user-event",
    ltime: 128,
    name: "x",
    payload: undefined,
    coalesce: false,
  },
  query,
  query_filters_ack: {
    ...query,
    ltime: 200,
    id: 7,
    filters: [unhex(vectorOf("filter_node").hex), unhex(vectorOf("filter_tag").hex)],
    flags: 1,
    relayFactor: 2,
    timeout: 3_200,
    name: "load",
    payload: text("p"),
  },
  query_ack: {
    kind: "query-response",
    ltime: 200,
    id: 7,
    from: "beta",
    flags: 1,
    payload: undefined,
  },
  query_response: {
    kind: "query-response",
    ltime: 200,
    id: 7,
    from: "beta",
    flags: 0,
    payload: text("0.42"),
  },
  relay: {
    kind: "relay",
    destIp: loopback,
    destPort: 7_946,
    destZone: "",
    destNode: "alpha",
    message: unhex(vectorOf("query_response").hex),
  },
  conflict_response: {
    kind: "conflict-response",
    member: {
      name: "gamma",
      ip: loopback,
      port: 7_948,
      tags: new Map([["role", "db"]]),
      status: 1,
      protocolMin: 1,
      protocolMax: 5,
      protocolCur: 2,
      delegateMin: 2,
      delegateMax: 5,
      delegateCur: 5,
    },
  },
  conflict_response_unknown: { kind: "conflict-response", member: undefined },
  key_request: { kind: "key-request", key: text("0123456789abcdef") },
  key_request_list: { kind: "key-request", key: new Uint8Array(0) },
  key_response_ok: {
    kind: "key-response",
    result: true,
    message: "",
    keys: undefined,
    primaryKey: "",
  },
  key_response_list: {
    kind: "key-response",
    result: true,
    message: "",
    keys: ["MDEyMzQ1Njc4OWFiY2RlZg=="],
    primaryKey: "MDEyMzQ1Njc4OWFiY2RlZg==",
  },
};

const tags: Record<
  string,
  { tags: [string, string][]; version: number; back: [string, string][] }
> = {
  tags_v5: { tags: [["role", "web"]], version: 5, back: [["role", "web"]] },
  tags_v5_empty: { tags: [], version: 5, back: [] },
  tags_v2: {
    tags: [
      ["dc", "x"],
      ["role", "web"],
    ],
    version: 2,
    back: [["role", "web"]],
  },
};

const coordinate: CoordinateMessage = {
  vec: [0.001, 0, 0, 0, 0, 0, 0, 0],
  error: 1.5,
  adjustment: 0,
  height: 0.00001,
};

describe("Serf's messages", () => {
  test.for(Object.entries(messages))("%s is written and read as by Serf", ([name, message]) => {
    const vector = vectorOf(name);
    expect(hex(encodeSerfMessage(message))).toBe(vector.hex);
    expect(decodeSerfMessage(unhex(vector.hex))).toEqual(message);
    expect(decodeSerfMessage(unhex(vector.hex_head ?? vector.hex))).toEqual(message);
  });

  test.for(Object.entries(filters))("%s is written and read as by Serf", ([name, filter]) => {
    expect(hex(encodeFilter(filter))).toBe(vectorOf(name).hex);
    expect(decodeFilter(unhex(vectorOf(name).hex))).toEqual(filter);
  });

  test.for(Object.entries(tags))("%s is written and read as by Serf", ([name, one]) => {
    expect(hex(encodeTags(new Map(one.tags), one.version))).toBe(vectorOf(name).hex);
    expect([...decodeTags(unhex(vectorOf(name).hex))]).toEqual(one.back);
  });

  test("ack_payload is written and read as by Serf", () => {
    expect(hex(encodeAckPayload(coordinate))).toBe(vectorOf("ack_payload").hex);
    expect(decodeAckPayload(unhex(vectorOf("ack_payload").hex))).toEqual(coordinate);
  });

  test("every vector is one of these tests", () => {
    const tested = [messages, filters, tags].flatMap((group) => Object.keys(group));
    expect(vectors.map(({ name }) => name).sort()).toEqual([...tested, "ack_payload"].sort());
  });

  test.for([
    { name: "leave_prune", body: "93cd012ca462657461c3" },
    { name: "join", body: "9204a462657461" },
    { name: "user_event", body: "9402a66465706c6f79a676312e322e33c3" },
    {
      name: "query",
      body: "9b01ce4d658221a47f000001cd1f0aa5616c706861c00000cf000000037e11d600a6757074696d65c0",
    },
    { name: "query_response", body: "95ccc807a46265746100a4302e3432" },
    {
      name: "push_pull",
      body:
        "960a81a5616c7068610391a567616d6d610293c0920192" +
        "92a66465706c6f79a2763192a5656d707479c0c001",
    },
    { name: "key_request", body: "91b030313233343536373839616263646566" },
    { name: "key_response_ok", body: "94c3a0c0a0" },
    {
      name: "conflict_response",
      body: "9ba567616d6d61a47f000001cd1f0c81a4726f6c65a264620101050202" + "0505",
    },
  ])("$name may be an array in the order of the Go struct", ({ name, body }) => {
    const type = unhex(vectorOf(name).hex).subarray(0, 1);
    expect(decodeSerfMessage(concat(type, unhex(body)))).toEqual(messages[name]);
  });

  test.for([
    { what: "no bytes", payload: "", reason: "truncated" },
    { what: "an unknown type", payload: "0a80", reason: "type" },
    { what: "a type without its body", payload: "04", reason: "truncated" },
    {
      what: "a Lamport time of 2^53",
      payload: "0182a54c54696d65cf0020000000000000a44e6f6465a0",
      reason: "limit",
    },
    { what: "a negative Lamport time", payload: "0181a54c54696d65ff", reason: "malformed" },
    {
      what: "a Lamport time that is a float",
      payload: "0181a54c54696d65cb4014000000000000",
      reason: "malformed",
    },
    {
      what: "a query with an empty filter",
      payload: "0481a746696c7465727391a0",
      reason: "malformed",
    },
    { what: "a query with a nil filter", payload: "0481a746696c7465727391c0", reason: "malformed" },
    {
      what: "a relay factor of 256",
      payload: "0481ab52656c6179466163746f72cd0100",
      reason: "limit",
    },
    { what: "a relay without a message", payload: "0980", reason: "truncated" },
    {
      what: "a relay to port 65536",
      payload: "0981a84465737441646472" + "81a4506f7274ce0001000005",
      reason: "limit",
    },
  ])("$what is refused as $reason", ({ payload, reason }) => {
    expect(() => decodeSerfMessage(unhex(payload))).toThrow(expect.objectContaining({ reason }));
  });

  test("no payload and an empty payload stay apart", () => {
    for (const payload of [undefined, new Uint8Array(0)]) {
      const event = { ...messages.user_event, payload } as SerfMessage;
      expect(decodeSerfMessage(encodeSerfMessage(event))).toStrictEqual(event);
    }
  });

  test("an empty list of filters is written as none", () => {
    expect(hex(encodeSerfMessage({ ...query, filters: [] }))).toBe(vectorOf("query").hex);
    const emptyList = unhex(vectorOf("query").hex.replace("46696c74657273c0", "46696c7465727390"));
    expect(decodeSerfMessage(emptyList)).toEqual(query);
  });

  test.for([
    { timeout: 3_200.000001, nanoseconds: "cebebc2001" },
    { timeout: 0.000001, nanoseconds: "01" },
    { timeout: -1, nanoseconds: "d2fff0bdc0" },
  ])("a timeout of $timeout ms keeps its nanoseconds", ({ timeout, nanoseconds }) => {
    const encoded = encodeSerfMessage({ ...query, timeout });
    expect(hex(encoded)).toMatch(new RegExp(`54696d656f7574${nanoseconds}$`));
    expect(decodeSerfMessage(encoded)).toEqual({ ...query, timeout });
  });

  test("the longest timeout that Go knows is taken, a longer one is refused", () => {
    const withTimeout = (bytes: string): Uint8Array => unhex(`0481a754696d656f7574${bytes}`);
    const longest = decodeSerfMessage(withTimeout("cf7fffffffffffffff")) as QueryMessage;
    expect(longest.timeout).toBe(2 ** 63 / 1e6);
    expect(() => decodeSerfMessage(withTimeout("cf8000000000000000"))).toThrow(
      expect.objectContaining({ reason: "limit" }),
    );
  });

  test("what would end a real Serf is never written", () => {
    const empty = new Uint8Array(0);
    expect(() => encodeSerfMessage({ ...query, filters: [empty] })).toThrow(InvariantError);
    const relay = messages.relay as Extract<SerfMessage, { kind: "relay" }>;
    expect(() => encodeSerfMessage({ ...relay, message: empty })).toThrow(InvariantError);
    expect(hex(encodeSerfMessage(query))).toBe(vectorOf("query").hex);
  });
});

describe("filters", () => {
  test.for(["", "0291a161", "00a161", "0193", "01c1"])("%s is refused", (bytes) => {
    expect(() => decodeFilter(unhex(bytes))).toThrow(DecodeError);
  });

  test("a filter for no node names none", () => {
    expect(hex(encodeFilter({ kind: "nodes", nodes: [] }))).toBe("0090");
    expect(decodeFilter(unhex("00c0"))).toEqual({ kind: "nodes", nodes: [] });
  });
});

describe("tags", () => {
  test("are the same bytes in whatever order they were given", () => {
    const one = encodeTags(
      new Map([
        ["b", "2"],
        ["a", "1"],
      ]),
      5,
    );
    expect(one).toEqual(
      encodeTags(
        new Map([
          ["a", "1"],
          ["b", "2"],
        ]),
        5,
      ),
    );
    expect([...decodeTags(one)]).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
  });

  test.for([
    { meta: "", expected: [["role", ""]] },
    { meta: "776562", expected: [["role", "web"]] },
    { meta: "ff", expected: [] },
    { meta: "ffc0", expected: [] },
    { meta: "ff81a161c0", expected: [["a", ""]] },
    { meta: "ff81c40161c40162", expected: [["a", "b"]] },
    { meta: "ff82a161a131a161a132", expected: [["a", "2"]] },
    { meta: "ff82a161a131a16205", expected: [["a", "1"]] },
    { meta: "ff82a161a131a1", expected: [["a", "1"]] },
    { meta: "ff83a161a131a162a1", expected: [["a", "1"]] },
    { meta: "ff81a95f5f70726f746f5f5fa178", expected: [["__proto__", "x"]] },
    { meta: "ff81a2fffea178", expected: [["\udcff\udcfe", "x"]] },
  ])("$meta means $expected", ({ meta, expected }) => {
    expect([...decodeTags(unhex(meta))]).toEqual(expected);
  });
});

describe("the payload of an ack", () => {
  test.for(["", "00", "0280", "ff"])("%s is of no version we know", (payload) => {
    expect(decodeAckPayload(unhex(payload))).toBeUndefined();
  });

  test.for(["01", "0105", "0181a356656391a0"])("%s is refused", (payload) => {
    expect(() => decodeAckPayload(unhex(payload))).toThrow(DecodeError);
  });

  test("takes whole numbers and short floats for floats", () => {
    const payload = unhex("0184a356656392" + "01ca3fc00000a54572726f7202a6486569676874c0");
    expect(() => decodeAckPayload(payload)).toThrow(DecodeError);
    const whole = unhex("0183a35665639201ca3fc00000a54572726f7202a6486569676874c0");
    expect(decodeAckPayload(whole)).toEqual({ vec: [1, 1.5], error: 2, adjustment: 0, height: 0 });
  });
});
