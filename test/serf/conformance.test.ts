import { describe, expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { LamportClock } from "../../src/serf/lamport.js";
import { replaySnapshot } from "../../src/serf/snapshot.js";
import {
  encodeFilter,
  encodeSerfMessage,
  type QueryMessage,
  type SerfMessage,
} from "../../src/wire/serf-messages.js";
import { ask } from "../support/asked.js";
import { LoneSerf, peerAddress, remoteState } from "../support/lone-serf.js";
import { type ClusterNode, emptySnapshot, SerfCluster } from "../support/serf-cluster.js";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

function query(parts: Partial<QueryMessage>): QueryMessage {
  return {
    kind: "query",
    ltime: 4,
    id: 77,
    ...peerAddress(50),
    sourceNode: "asker",
    filters: undefined,
    flags: 0,
    relayFactor: 0,
    timeout: 10_000,
    name: "load",
    payload: undefined,
    ...parts,
  };
}

/** What a machine gossips of Serf's layer in the next two seconds. */
function gossipOf(lone: LoneSerf): { payload: Uint8Array; message: SerfMessage }[] {
  lone.takeSent();
  lone.run(seconds(2));
  return lone.takeSerfSent();
}

describe("the conformance checklist (protocol.md section 7)", () => {
  test("5: an empty list of members that left is 90, and no filters are nil", () => {
    expect(hex(encodeSerfMessage(remoteState()))).toContain(`${hex(text("LeftMembers"))}90`);
    expect(hex(encodeSerfMessage(query({})))).toContain(`${hex(text("Filters"))}c0`);
  });

  test("19: the payload of a UDP ack is 01 and our coordinate", () => {
    const lone = new LoneSerf();
    lone.takeSent();
    const { ip, port } = peerAddress(2);
    lone.receive({
      kind: "ping",
      seq: 7,
      node: "self",
      sourceIp: ip,
      sourcePort: port,
      sourceNode: "peer",
    });
    const [sent] = lone.takeSent();
    const payload = sent?.message.kind === "ack" ? sent.message.payload : undefined;
    const zero = "cb0000000000000000";
    expect(hex(payload)).toBe(
      [
        "0184",
        `aa${hex(text("Adjustment"))}${zero}`,
        `a5${hex(text("Error"))}cb3ff8000000000000`,
        `a6${hex(text("Height"))}cb3ee4f8b588e368f1`,
        `a3${hex(text("Vec"))}98${zero.repeat(8)}`,
      ].join(""),
    );
  });

  test("23: our part of a push/pull has 512 event slots", () => {
    const lone = new LoneSerf();
    expect(lone.exchange(remoteState()).events).toHaveLength(512);
  });

  test("36: the first user event has LTime 1, and only what is not older moves a clock", () => {
    const lone = new LoneSerf();
    lone.meet("peer", 2);
    lone.serf.userEvent(lone.cluster.now, "deploy", text(""), false);
    const events = gossipOf(lone).filter(({ message }) => message.kind === "user-event");
    expect(events[0]?.message).toMatchObject({ ltime: 1 });
    const clock = new LamportClock();
    clock.witness(5);
    clock.witness(5);
    expect(clock.time).toBe(6);
  });

  test("37: a leave intent about us is answered with a later join intent", () => {
    const lone = new LoneSerf();
    lone.meet("peer", 2);
    lone.run(seconds(3));
    lone.hear({ kind: "leave", ltime: 9, node: "self", prune: false });
    const intents = gossipOf(lone).map(({ message }) => message);
    expect(intents.length).toBeGreaterThan(0);
    for (const intent of intents) expect(intent).toEqual({ kind: "join", ltime: 10, node: "self" });
    expect(lone.serf.local.status).toBe("alive");
  });

  test("38: left in SWIM without an intent is failed; a leave intent then makes it left", () => {
    const lone = new LoneSerf();
    lone.meet("peer", 2);
    lone.lose("peer", { from: "peer" });
    expect(lone.node.view).toMatchObject({ peer: "failed" });
    lone.hear({ kind: "leave", ltime: 3, node: "peer", prune: false });
    expect(lone.node.view).toMatchObject({ peer: "left" });
    lone.run(seconds(2));
    expect(lone.node.told.at(-1)).toBe("member-leave peer");
  });

  test("39: a user event is delivered once and passed on byte for byte", () => {
    const lone = new LoneSerf();
    lone.meet("peer", 2);
    lone.run(seconds(3));
    // As a later encoder writes it: positive integers signed, the string as str8.
    const payload = Buffer.from(
      "0384a24343c2a54c54696d65d10007a44e616d65d90178a75061796c6f6164c0",
      "hex",
    );
    lone.hearBytes(payload);
    lone.hearBytes(payload);
    expect(lone.node.events.filter(({ kind }) => kind === "user")).toHaveLength(1);
    const copies = gossipOf(lone);
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) expect(hex(copy.payload)).toBe(hex(payload));
  });

  test("40: a query is passed on although its filters do not match, and filters are unanchored", () => {
    const lone = new LoneSerf({ tags: new Map([["role", "web-frontend"]]) });
    const filter = (expr: string) => [encodeFilter({ kind: "tag", tag: "role", expr })];
    lone.hear(query({ id: 1, filters: filter("^web$") }));
    expect(lone.serf.stats().queryQueue).toBe(1);
    expect(lone.node.events).toEqual([]);
    lone.hear(query({ id: 2, filters: filter("front") }));
    expect(lone.node.events).toHaveLength(1);
  });

  test("41: a conflict is not answered by the node in question", () => {
    const lone = new LoneSerf();
    lone.takeSent();
    lone.hear(query({ name: "_serf_conflict", payload: text("self") }));
    expect(lone.takeSent()).toEqual([]);
    lone.hear(query({ id: 78, name: "_serf_conflict", payload: text("other") }));
    expect(lone.takeSent()).toHaveLength(1);
  });

  test("42: a push/pull is witnessed at EventLTime - 1, and a join without replay ignores the past", () => {
    const lone = new LoneSerf();
    lone.exchange(remoteState({ eventLtime: 20 }));
    expect(lone.serf.stats().eventTime).toBe(20);
    const cluster = new SerfCluster();
    const [a] = cluster.addGroup(["a", "b"]) as [ClusterNode, ClusterNode];
    for (const name of ["one", "two"]) a.serf.userEvent(cluster.now, name, text(""), false);
    cluster.settle(a);
    const late = cluster.add("late");
    cluster.join(late, a);
    cluster.run(seconds(60));
    expect(late.serf.stats().eventTime).toBe(3);
    expect(late.events.filter(({ kind }) => kind === "user")).toEqual([]);
  });

  const intents = ({ sent }: ClusterNode): number =>
    sent.filter(({ payload }) =>
      Buffer.from(payload).includes(Buffer.from("0182a54c54696d65", "hex")),
    ).length;

  test("43: a join intent follows a join, not a reconnect", () => {
    const cluster = new SerfCluster();
    const plain = { compression: false };
    const a = cluster.add("a", plain);
    const b = cluster.add("b", plain);
    cluster.join(b, a);
    cluster.run(seconds(5));
    expect(intents(b)).toBeGreaterThan(0);
    cluster.silence(b);
    cluster.run(seconds(60));
    cluster.heal(b);
    const before = [intents(a), intents(b)];
    cluster.run(seconds(180));
    expect(a.view).toEqual({ a: "alive", b: "alive" });
    expect(
      [a, b].some(({ log }) =>
        log.at("info").some((line) => line.startsWith("attempting reconnect")),
      ),
    ).toBe(true);
    expect([intents(a), intents(b)]).toEqual(before);
  });

  test("43: nor does a join intent follow a rejoin by the snapshot", () => {
    const cluster = new SerfCluster();
    const plain = { compression: false };
    const a = cluster.add("a", { ...plain, host: 1 });
    const alive = new Map([["a", { ip: Uint8Array.of(10, 0, 0, 1), port: 7946 }]]);
    const b = cluster.add("b", { ...plain, host: 2, snapshot: { ...emptySnapshot, alive } });
    cluster.run(seconds(10));
    expect([a.view, b.view]).toEqual(Array(2).fill({ a: "alive", b: "alive" }));
    expect([intents(a), intents(b)]).toEqual([0, 0]);
  });

  test("44: names in a snapshot may contain spaces", () => {
    const { alive } = replaySnapshot("alive: a b 10.0.0.1:7946\n", false);
    expect([...alive.keys()]).toEqual(["a b"]);
  });

  test("47: a query of ours has no empty filter, whatever it filters by", () => {
    const lone = new LoneSerf();
    lone.meet("peer", 2);
    for (const filterNodes of [[], [""]]) {
      for (const filterTags of [new Map<string, string>(), new Map([["", ""]])]) {
        ask(lone.cluster, lone.node, { filterNodes, filterTags });
      }
    }
    const asked = gossipOf(lone).flatMap(({ message }) =>
      message.kind === "query" ? message : [],
    );
    expect(new Set(asked.map(({ filters }) => filters?.length))).toEqual(
      new Set([undefined, 1, 2]),
    );
    for (const filter of asked.flatMap(({ filters }) => filters ?? [])) {
      expect(filter.length).toBeGreaterThan(1);
    }
  });

  test("48: an agent announces the versions 01 05 02 02 05 05", () => {
    const lone = new LoneSerf();
    lone.meet("peer", 2);
    lone.takeSent();
    lone.run(seconds(2));
    const claims = lone.takeSent().flatMap(({ message }) => {
      return message.kind === "alive" && message.node === "self" ? [hex(message.versions)] : [];
    });
    expect(new Set(claims)).toEqual(new Set(["010502020505"]));
  });
});
