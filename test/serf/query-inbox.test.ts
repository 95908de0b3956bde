import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { minutes } from "../../src/base/units.js";
import type { QueryEvent } from "../../src/serf/events.js";
import {
  decodeSerfMessage,
  encodeFilter,
  encodeSerfMessage,
  type QueryFilter,
  type QueryMessage,
} from "../../src/wire/serf-messages.js";
import { LoneSerf, peerAddress } from "../support/lone-serf.js";

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const originator = peerAddress(50);

function query(parts: Partial<QueryMessage> = {}, filters?: QueryFilter[]): QueryMessage {
  return {
    kind: "query",
    ltime: 4,
    id: 77,
    ...originator,
    sourceNode: "asker",
    filters: filters?.map(encodeFilter),
    flags: 0,
    relayFactor: 0,
    timeout: 10_000,
    name: "load",
    payload: text("now"),
    ...parts,
  };
}

function delivered({ node }: LoneSerf): QueryEvent[] {
  return node.events.filter((event): event is QueryEvent => event.kind === "query");
}

const forOthers: QueryFilter[] = [{ kind: "nodes", nodes: ["other"] }];

test("a query is delivered with what is needed to answer it", () => {
  const lone = new LoneSerf();
  lone.run(100);
  lone.hear(query());
  expect(delivered(lone)).toMatchObject([
    { id: 1, ltime: 4, name: "load", payload: text("now"), deadline: 10_100, from: "asker" },
  ]);
  expect(lone.serf.stats()).toMatchObject({ queryTime: 5, queryQueue: 1 });
});

test("a query is taken once, another one of the same time as well", () => {
  const lone = new LoneSerf();
  lone.hear(query());
  lone.hear(query());
  lone.hear(query({ id: 78 }));
  expect(delivered(lone).map(({ id }) => id)).toEqual([1, 2]);
  expect(lone.serf.stats().queryQueue).toBe(2);
});

test("a query that is too old is dropped with a warning", () => {
  const lone = new LoneSerf();
  lone.hear(query({ ltime: 600 }));
  lone.hear(query({ ltime: 88 }));
  expect(delivered(lone)).toHaveLength(1);
  expect(lone.node.log.at("warn")).toEqual(["received old query load from time 88 (current: 601)"]);
});

test.for([
  { flags: 0, filters: undefined, spread: 1 },
  { flags: 0, filters: forOthers, spread: 1 },
  { flags: 2, filters: undefined, spread: 0 },
])("with flags $flags and filters $filters it is passed on $spread times", (row) => {
  const lone = new LoneSerf();
  lone.hear(query({ flags: row.flags }, row.filters));
  expect(lone.serf.stats().queryQueue).toBe(row.spread);
});

test.for([
  { flags: 1, filters: undefined, acks: 1 },
  { flags: 1, filters: forOthers, acks: 0 },
  { flags: 0, filters: undefined, acks: 0 },
])("with flags $flags and filters $filters it is acked $acks times", ({ flags, filters, acks }) => {
  const lone = new LoneSerf();
  lone.takeSent();
  lone.hear(query({ flags }, filters));
  const sent = lone.takeSerfSent();
  expect(sent).toHaveLength(acks);
  for (const { to, message } of sent) {
    expect(to).toEqual(originator);
    expect(message).toMatchObject({
      kind: "query-response",
      flags: 1,
      from: "self",
      id: 77,
      ltime: 4,
      payload: undefined,
    });
  }
});

test("what is not meant for us is neither delivered nor answerable", () => {
  const lone = new LoneSerf();
  lone.hear(query({}, forOthers));
  expect(delivered(lone)).toEqual([]);
  expect(() => lone.serf.respond(0, 1, text("x"))).toThrow("No pending queries matching ID");
});

test("a query with an empty filter, of which stock members die, is not passed on", () => {
  const lone = new LoneSerf();
  const encoded = encodeSerfMessage(query({ filters: [Uint8Array.of(0x5a)] }));
  const at = Buffer.from(encoded).indexOf(Buffer.from("91a15a", "hex"));
  lone.hearBytes(
    Uint8Array.from([...encoded.subarray(0, at), 0x91, 0xa0, ...encoded.subarray(at + 3)]),
  );
  expect(delivered(lone)).toEqual([]);
  expect(lone.serf.stats().queryQueue).toBe(0);
  expect(lone.serf.counters.undecodable).toBe(1);
});

describe("a response", () => {
  test("goes straight to who asked, in one packet of its own", () => {
    const lone = new LoneSerf();
    lone.hear(query());
    lone.takeSent();
    lone.serf.respond(lone.cluster.now, 1, text("0.42"));
    lone.cluster.settle(lone.node);
    const [sent, ...others] = lone.takeSerfSent();
    expect(others).toEqual([]);
    expect(sent).toMatchObject({
      to: originator,
      message: { kind: "query-response", flags: 0, from: "self", id: 77, payload: text("0.42") },
    });
  });

  test("is sent once", () => {
    const lone = new LoneSerf();
    lone.hear(query());
    lone.serf.respond(0, 1, text("x"));
    expect(() => lone.serf.respond(0, 1, text("x"))).toThrow(
      new OperatorError("failed to respond to key query: response already sent"),
    );
  });

  test("is sent until the deadline", () => {
    const lone = new LoneSerf();
    lone.hear(query());
    lone.hear(query({ id: 78 }));
    lone.serf.respond(10_000, 1, text("x"));
    expect(() => lone.serf.respond(10_001, 2, text("x"))).toThrow(
      new OperatorError("failed to respond to key query: response is past the deadline"),
    );
  });

  test("of 1024 encoded bytes is sent, of 1025 refused, and may be tried again", () => {
    const lone = new LoneSerf();
    lone.hear(query());
    const overhead =
      encodeSerfMessage({
        kind: "query-response",
        ltime: 4,
        id: 77,
        from: "self",
        flags: 0,
        payload: new Uint8Array(900),
      }).length - 900;
    expect(() => lone.serf.respond(0, 1, new Uint8Array(1_024 - overhead + 1))).toThrow(
      new OperatorError("failed to respond to key query: response exceeds limit of 1024 bytes"),
    );
    lone.serf.respond(0, 1, new Uint8Array(1_024 - overhead));
  });

  test("is no more possible once 1024 later queries wait", () => {
    const lone = new LoneSerf();
    for (let id = 0; id < 1_025; id += 1) lone.hear(query({ id, timeout: minutes(60) }));
    expect(() => lone.serf.respond(0, 1, text("x"))).toThrow("No pending queries matching ID");
    lone.serf.respond(0, 2, text("x"));
  });

  test("can be given to a query whose packet is gone", () => {
    const lone = new LoneSerf();
    const datagram = Uint8Array.from([8, ...encodeSerfMessage(query())]);
    lone.receiveBytes(datagram);
    datagram.fill(0);
    lone.takeSent();
    lone.serf.respond(0, 1, text("x"));
    lone.cluster.settle(lone.node);
    expect(lone.takeSerfSent()).toMatchObject([{ to: originator }]);
    expect(delivered(lone)).toMatchObject([{ name: "load", payload: text("now") }]);
  });
});

describe("answers through others", () => {
  function groupOf(peers: number): LoneSerf {
    const lone = new LoneSerf();
    for (let host = 1; host <= peers; host += 1) lone.meet(`p${host}`, host);
    lone.takeSent();
    return lone;
  }

  test.for([
    { peers: 3, factor: 0, relays: 0 },
    { peers: 3, factor: 2, relays: 2 },
    { peers: 3, factor: 3, relays: 3 },
    { peers: 3, factor: 4, relays: 0 },
  ])("with $peers peers and factor $factor there are $relays", ({ peers, factor, relays }) => {
    const lone = groupOf(peers);
    lone.hear(query({ flags: 1, relayFactor: factor }));
    const [direct, ...relayed] = lone.takeSerfSent();
    expect(direct?.to).toEqual(originator);
    expect(relayed).toHaveLength(relays);
    expect(new Set(relayed.map(({ to }) => to.ip[3])).size).toBe(relays);
    for (const { message } of relayed) {
      expect(message).toMatchObject({
        kind: "relay",
        destIp: originator.ip,
        destPort: originator.port,
        destZone: "",
        destNode: "asker",
        message: direct?.payload,
      });
    }
  });

  test("only members that are here help", () => {
    const lone = groupOf(3);
    lone.lose("p1");
    lone.hear({ kind: "leave", ltime: 3, node: "p2", prune: false });
    lone.takeSent();
    lone.hear(query({ flags: 1, relayFactor: 3 }));
    const [, ...relayed] = lone.takeSerfSent();
    expect(relayed.map(({ to }) => to)).toEqual([peerAddress(3)]);
  });

  test("a wrapped answer of more than 1024 bytes goes only the straight way", () => {
    const lone = groupOf(3);
    lone.hear(query({ relayFactor: 2 }));
    lone.takeSent();
    lone.serf.respond(lone.cluster.now, 1, new Uint8Array(950));
    lone.cluster.settle(lone.node);
    expect(lone.takeSerfSent()).toHaveLength(1);
    expect(lone.node.log.at("warn")).toEqual(["relayed response exceeds limit of 1024 bytes"]);
  });

  test("what others want relayed goes where it says, unchanged", () => {
    const lone = new LoneSerf();
    lone.takeSent();
    const message = Uint8Array.of(5, 0xde, 0xad);
    lone.hear({
      kind: "relay",
      destIp: peerAddress(9).ip,
      destPort: 7_999,
      destZone: "",
      destNode: "asker",
      message,
    });
    const [sent] = lone.takeSent();
    expect(sent).toMatchObject({
      to: { ip: peerAddress(9).ip, port: 7_999 },
      message: { kind: "user", payload: message },
    });
  });

  test.for([
    { ip: new Uint8Array(3), port: 7_946 },
    { ip: new Uint8Array(0), port: 7_946 },
    { ip: Uint8Array.of(1, 2, 3, 4), port: 0 },
  ])("nothing is sent to $ip port $port", ({ ip, port }) => {
    const lone = groupOf(3);
    lone.hear(query({ flags: 1, relayFactor: 2, ip, port }));
    const message = Uint8Array.of(5);
    lone.hear({ kind: "relay", destIp: ip, destPort: port, destZone: "", destNode: "x", message });
    expect(lone.takeSent()).toEqual([]);
  });
});

describe("Serf's own queries", () => {
  test("a ping is acked and no more", () => {
    const lone = new LoneSerf();
    lone.takeSent();
    lone.hear(query({ name: "_serf_ping", flags: 1, payload: undefined }));
    expect(lone.takeSerfSent()).toHaveLength(1);
    expect(delivered(lone)).toEqual([]);
    expect(lone.serf.stats()).toMatchObject({ queryTime: 5, queryQueue: 1 });
  });

  test("a conflict is answered with where we believe the member to be", () => {
    const lone = new LoneSerf();
    lone.meet("disputed", 7, { tags: { role: "db" } });
    lone.takeSent();
    lone.hear(query({ name: "_serf_conflict", payload: text("disputed") }));
    const [sent] = lone.takeSerfSent();
    expect(sent).toMatchObject({ to: originator, message: { kind: "query-response", flags: 0 } });
    const payload = sent?.message.kind === "query-response" ? sent.message.payload : undefined;
    expect(decodeSerfMessage(payload ?? text(""))).toMatchObject({
      kind: "conflict-response",
      member: { name: "disputed", ...peerAddress(7), status: 1, tags: new Map([["role", "db"]]) },
    });
  });

  test("a conflict about somebody unknown is answered with nothing known", () => {
    const lone = new LoneSerf();
    lone.takeSent();
    lone.hear(query({ name: "_serf_conflict", payload: text("nobody") }));
    const [sent] = lone.takeSerfSent();
    const payload = sent?.message.kind === "query-response" ? sent.message.payload : undefined;
    expect(Buffer.from(payload ?? []).toString("hex")).toBe("06c0");
  });

  test("a conflict about ourselves is for others to answer", () => {
    const lone = new LoneSerf();
    lone.takeSent();
    lone.hear(query({ name: "_serf_conflict", payload: text("self") }));
    expect(lone.takeSerfSent()).toEqual([]);
  });

  test.for([
    { name: "install-key", replies: 2 },
    { name: "use-key", replies: 2 },
    { name: "remove-key", replies: 2 },
    { name: "list-keys", replies: 2 },
    { name: "of-tomorrow", replies: 1 },
  ])("$name is acked and passed on, and never delivered", ({ name, replies }) => {
    const lone = new LoneSerf();
    lone.takeSent();
    lone.hear(query({ name: `_serf_${name}`, flags: 1 }));
    expect(lone.takeSerfSent()).toHaveLength(replies);
    expect(lone.serf.stats().queryQueue).toBe(1);
    expect(delivered(lone)).toEqual([]);
  });
});

test("a query over a stream is taken if a packet could have brought it, and no longer one", () => {
  const lone = new LoneSerf();
  const payload = new Uint8Array(65_000);
  lone.hearOnStream(query({ payload }));
  lone.hearOnStream(query({ id: 78, payload: new Uint8Array(65_536) }));
  expect(delivered(lone).map((event) => event.payload)).toEqual([payload]);
  expect(lone.serf.counters.undecodable).toBe(1);
});
