import "../support/seed.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { seconds } from "../../src/base/units.js";
import type { QueryQuestion } from "../../src/serf/queries.js";
import type { QueryResponse } from "../../src/wire/serf-messages.js";
import { Asked, answer, ask, question } from "../support/asked.js";
import { LoneSerf } from "../support/lone-serf.js";
import { type ClusterNode, type ClusterOptions, SerfCluster } from "../support/serf-cluster.js";

const trio = ["a", "b", "c"];

interface Group {
  readonly cluster: SerfCluster;
  readonly nodes: readonly ClusterNode[];
  /** The one that asks. */
  readonly first: ClusterNode;
}

function group(names = trio, options: ClusterOptions = {}): Group {
  const cluster = new SerfCluster(options);
  const nodes = names.map((name) =>
    cluster.add(name, { tags: new Map([["role", `web-${name}`]]) }),
  );
  const first = nodes[0] as ClusterNode;
  for (const node of nodes.slice(1)) cluster.join(node, first);
  cluster.run(seconds(5));
  return { cluster, nodes, first };
}

describe("in a group", () => {
  test("a query is acked and answered by every member, by the one that asks as well", () => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first);
    expect(asked.acks).toEqual([]);
    cluster.run(seconds(1));
    for (const node of nodes) answer(cluster, [node], `by ${node.serf.local.name}`);
    cluster.run(seconds(1));
    expect(asked.acks.toSorted()).toEqual(trio);
    expect(asked.responses.toSorted()).toEqual(["a: by a", "b: by b", "c: by c"]);
    expect(asked.done).toEqual([]);
    expect(first.serf.counters).toMatchObject({ queryAcks: 3, queryResponses: 3 });
  });

  test("it is over once, at its deadline", () => {
    const { cluster, first } = group();
    const asked = ask(cluster, first, { timeout: 700 });
    const deadline = cluster.now + 700;
    expect(asked.query.deadline).toBe(deadline);
    cluster.run(699);
    expect(asked.done).toEqual([]);
    cluster.run(seconds(20));
    expect(asked.done).toEqual([deadline]);
  });

  test("what comes after the deadline does not count", () => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first, { timeout: 1_000 });
    cluster.run(999.5);
    answer(cluster, nodes);
    cluster.run(seconds(1));
    expect(asked.responses).toEqual([]);
    expect(asked.done).toHaveLength(1);
  });

  test("it can be ended before, and is over at that instant", () => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first);
    cluster.run(seconds(1));
    asked.query.end(cluster.now);
    asked.query.end(cluster.now);
    const ended = cluster.now;
    answer(cluster, nodes);
    cluster.run(seconds(20));
    expect(asked.responses).toEqual([]);
    expect(asked.done).toEqual([ended]);
  });

  test.for<{ what: string; parts: Partial<QueryQuestion>; acks: string[] }>([
    { what: "named members", parts: { filterNodes: ["a", "c", "nobody"] }, acks: ["a", "c"] },
    { what: "a tag", parts: { filterTags: new Map([["role", "b"]]) }, acks: ["a", "b", "c"] },
    { what: "a tag's end", parts: { filterTags: new Map([["role", "-b$"]]) }, acks: ["b"] },
    { what: "a tag that is unset", parts: { filterTags: new Map([["dc", "^$"]]) }, acks: trio },
    {
      what: "names and tags together",
      parts: { filterNodes: ["a", "b"], filterTags: new Map([["role", "[bc]$"]]) },
      acks: ["b"],
    },
    {
      what: "an expression that is none",
      parts: { filterTags: new Map([["role", "("]]) },
      acks: [],
    },
  ])("of those that are not meant by $what none answers", ({ parts, acks }) => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first, parts);
    cluster.run(seconds(1));
    answer(cluster, nodes);
    cluster.run(seconds(1));
    expect(asked.acks.toSorted()).toEqual(acks);
    expect(asked.responses.toSorted()).toEqual(acks.map((name) => `${name}: yes`));
  });

  test("without a wish for acks there are only responses", () => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first, { requestAck: false });
    cluster.run(seconds(1));
    answer(cluster, nodes);
    cluster.run(seconds(1));
    expect(asked.acks).toEqual([]);
    expect(asked.responses).toHaveLength(3);
  });

  test("of what is relayed each answer counts once", () => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first, { relayFactor: 2 });
    cluster.run(seconds(1));
    answer(cluster, nodes);
    cluster.run(seconds(1));
    expect(asked.acks.toSorted()).toEqual(trio);
    expect(asked.responses.toSorted()).toEqual(["a: yes", "b: yes", "c: yes"]);
    expect(first.serf.counters).toMatchObject({
      queryAcks: 3,
      queryResponses: 3,
      duplicateQueryAcks: 6,
      duplicateQueryResponses: 6,
    });
  });

  test("under loss more answers arrive if they are relayed", () => {
    const seeds = Array.from({ length: 12 }, (_, index) => index + 1);
    const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
    const arrived = (relayFactor: number): number => {
      let count = 0;
      for (const seed of seeds) {
        const { cluster, nodes, first } = group(names, { seed, loss: 0.3 });
        const asked = ask(cluster, first, { relayFactor });
        cluster.run(seconds(2));
        answer(cluster, nodes);
        cluster.run(seconds(1));
        count += asked.responses.length;
      }
      return count;
    };
    const [direct, relayed] = [arrived(0), arrived(3)];
    expect(direct).toBeGreaterThan(0);
    expect(relayed).toBeGreaterThan(direct * 1.2);
  });

  test("each query takes a Lamport time, and members hear of it in that order", () => {
    const { cluster, nodes, first } = group();
    for (const name of ["one", "two", "three"]) {
      ask(cluster, first, { name });
      cluster.run(seconds(1));
    }
    for (const node of nodes) {
      const heard = node.events.flatMap((event) =>
        event.kind === "query" ? [`${event.ltime} ${event.name} from ${event.from}`] : [],
      );
      expect(heard).toEqual(["1 one from a", "2 two from a", "3 three from a"]);
      expect(node.serf.stats().queryTime).toBe(4);
    }
  });

  test("the payload arrives, and none is an empty one", () => {
    const { cluster, nodes, first } = group();
    ask(cluster, first, { payload: Uint8Array.of(0, 255, 10) });
    ask(cluster, first);
    cluster.run(seconds(1));
    const payloads = nodes[2]?.events.flatMap((event) =>
      event.kind === "query" ? [[...event.payload]] : [],
    );
    expect(payloads).toEqual([[0, 255, 10], []]);
  });
});

describe("the names of Serf's own queries", () => {
  test.for([
    { name: "_serf_ping", payload: Uint8Array.of(1) },
    { name: "_serf_conflict", payload: undefined },
    { name: "_serf_list-keys", payload: undefined },
    { name: "_serf_", payload: undefined },
  ])("cannot be asked by an operator: $name with $payload", ({ name, payload }) => {
    const { serf, cluster } = new LoneSerf();
    const asked = (): unknown => serf.query(cluster.now, question({ name, payload }), new Asked());
    expect(asked).toThrow(new OperatorError("Queries cannot contain the '_serf_' prefix"));
    expect(serf.stats()).toMatchObject({ queryTime: 1, queryQueue: 0 });
  });

  test.for([undefined, new Uint8Array(0)])("but a ping can, with payload %o", (payload) => {
    const { cluster, nodes, first } = group();
    const asked = ask(cluster, first, { name: "_serf_ping", payload });
    cluster.run(seconds(1));
    expect(asked.acks.toSorted()).toEqual(trio);
    for (const node of nodes) expect(node.events.some(({ kind }) => kind === "query")).toBe(false);
  });
});

/** A machine that has asked, and a reply to it that would count. */
function asking(parts: Partial<QueryQuestion> = {}): {
  lone: LoneSerf;
  asked: ReturnType<typeof ask>;
  reply: QueryResponse;
} {
  const lone = new LoneSerf();
  for (const host of [2, 3, 4]) lone.meet(`peer${host}`, host);
  lone.takeSent();
  const asked = ask(lone.cluster, lone.node, { requestAck: true, ...parts });
  // Our own ack, on its way to us.
  const own = lone.takeSerfSent().map(({ message }) => message);
  const reply = own.find((message) => message.kind === "query-response");
  if (reply === undefined) throw new Error("a member acks its own query");
  return { lone, asked, reply: { ...reply, from: "peer2", flags: 0 } };
}

describe("a reply", () => {
  test("counts once for each sender, acks and responses apart", () => {
    const { lone, asked, reply } = asking();
    for (const from of ["x", "y", "x"]) {
      lone.hear({ ...reply, from });
      lone.hear({ ...reply, from, flags: 1 });
    }
    expect(asked).toMatchObject({ acks: ["x", "y"], responses: ["x: ", "y: "] });
    expect(lone.serf.counters).toMatchObject({
      queryAcks: 2,
      queryResponses: 2,
      duplicateQueryAcks: 1,
      duplicateQueryResponses: 1,
    });
  });

  test.for<{ what: string; change: (reply: QueryResponse) => Partial<QueryResponse> }>([
    { what: "of another time", change: ({ ltime }) => ({ ltime: ltime + 1 }) },
    { what: "with another id", change: ({ id }) => ({ id: id ^ 1 }) },
    { what: "to nothing we asked", change: () => ({ ltime: 77, id: 88 }) },
  ])("$what is dropped", ({ change }) => {
    const { lone, asked, reply } = asking();
    lone.hear({ ...reply, ...change(reply) });
    lone.hear({ ...reply, ...change(reply), flags: 1 });
    expect(asked).toMatchObject({ acks: [], responses: [] });
  });

  test("that is an ack nobody wished for is dropped", () => {
    const lone = new LoneSerf();
    const asked = ask(lone.cluster, lone.node, { requestAck: false });
    const [event] = lone.node.events;
    if (event?.kind !== "query") throw new Error("a query is delivered to whoever asks it");
    lone.takeSent();
    lone.serf.respond(lone.cluster.now, event.id, new Uint8Array(0));
    lone.cluster.settle(lone.node);
    const [sent] = lone.takeSerfSent();
    if (sent?.message.kind !== "query-response") throw new Error("it was answered");
    lone.hear({ ...sent.message, from: "x", flags: 1 });
    lone.hear({ ...sent.message, from: "x" });
    expect(asked).toMatchObject({ acks: [], responses: ["x: "] });
  });

  test("keeps its payload when the packet is gone", () => {
    const { lone, reply } = asking();
    const kept: Uint8Array[] = [];
    const listener = Object.assign(new Asked(), {
      handleResponse: (_now: number, _from: string, payload: Uint8Array) => kept.push(payload),
    });
    lone.serf.query(lone.cluster.now, question(), listener);
    lone.cluster.settle(lone.node);
    const own = lone.takeSerfSent().find(({ message }) => message.kind === "query-response");
    if (own?.message.kind !== "query-response") throw new Error("a member acks its own query");
    const payload = Uint8Array.of(1, 2, 3);
    lone.hear({ ...own.message, from: reply.from, flags: 0, payload });
    expect(kept.map((one) => one.buffer.byteLength)).toEqual([3]);
  });

  test("of more senders than there are members is dropped, with a warning", () => {
    const { lone, asked, reply } = asking();
    for (let index = 0; index < 200; index += 1) lone.hear({ ...reply, from: `forged${index}` });
    expect(asked.responses).toHaveLength(4 + 128);
    expect(lone.serf.counters.overflows).toBe(68);
    expect(new Set(lone.node.log.at("warn"))).toEqual(
      new Set(["more answers to a query than members dropped"]),
    );
  });

  test("is told to whoever asked, who may end the query there and ask again", () => {
    const { lone } = asking();
    const again = new Asked();
    const first = new Asked();
    const query = lone.serf.query(
      lone.cluster.now,
      question(),
      Object.assign(first, {
        handleAck: (now: number) => {
          query.end(now);
          lone.serf.query(now, question({ timeout: 400 }), again);
        },
      }),
    );
    lone.cluster.settle(lone.node);
    lone.run(seconds(1));
    expect(first.done).toHaveLength(1);
    expect(again).toMatchObject({ acks: ["self"] });
    expect(again.done).toHaveLength(1);
  });

  test("of whatever kind leaves every query with one answer of each and one end", () => {
    const reply = fc.record({
      right: fc.constantFrom("none", "ltime", "id", "both", "both"),
      from: fc.constantFrom("self", "peer2", "peer3", "", "long".repeat(60)),
      flags: fc.constantFrom(0, 1, 2, 3, 0xffff_ffff),
      payload: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
      wait: fc.constantFrom(0, 0, 0, 1, 250),
      end: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 60 }), (replies) => {
        const { lone, asked, reply: good } = asking({ timeout: 800 });
        let told = 0;
        for (const { right, wait, end, ...parts } of replies) {
          const ltime = right === "ltime" || right === "both" ? good.ltime : 99;
          const id = right === "id" || right === "both" ? good.id : 99;
          lone.hear({ kind: "query-response", ltime, id, ...parts });
          if (end === 0) asked.query.end(lone.cluster.now);
          if (asked.done.length > 0) told ||= asked.acks.length + asked.responses.length;
          lone.run(wait);
        }
        lone.run(seconds(1));
        const senders = asked.responses.map((text) => text.split(":")[0]);
        expect(new Set(senders).size).toBe(senders.length);
        expect(new Set(asked.acks).size).toBe(asked.acks.length);
        expect(asked.done).toHaveLength(1);
        if (told > 0) expect(asked.acks.length + asked.responses.length).toBe(told);
      }),
      { numRuns: 60 },
    );
  });
});
