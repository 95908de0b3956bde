import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { TimerQueue } from "../../src/base/timers.js";
import type { Bytes } from "../../src/base/units.js";
import { type SerfConfig, serfDefaults } from "../../src/serf/config.js";
import { SerfCounters } from "../../src/serf/counters.js";
import { LamportClock } from "../../src/serf/lamport.js";
import { Queries } from "../../src/serf/queries.js";
import { profiles } from "../../src/swim/config.js";
import { decodeSerfMessage, type QueryMessage } from "../../src/wire/serf-messages.js";
import { Asked, question } from "../support/asked.js";
import { LoneSerf } from "../support/lone-serf.js";
import { RecordedLog } from "../support/recorded-log.js";
import { hex, loadVectors, unhex } from "../wire/vectors.js";

interface Setup {
  readonly config?: Partial<SerfConfig>;
  /** What chance gives as the id. */
  readonly id?: number;
  /** What the query clock shows. */
  readonly ltime?: number;
  readonly members?: number;
}

/** The asking half alone, with everything it says. */
class Asker {
  readonly timers = new TimerQueue();
  readonly heard: QueryMessage[] = [];
  readonly broadcast: Bytes[] = [];
  readonly queries: Queries;

  constructor({ config = {}, id = 7, ltime = 1, members = 1 }: Setup = {}) {
    const clock = new LamportClock();
    clock.witness(ltime - 1);
    this.queries = new Queries({
      config: {
        ...serfDefaults,
        name: "alpha",
        tags: new Map(),
        advertise: { ip: Uint8Array.of(127, 0, 0, 1), port: 7_946 },
        bindPort: 7_946,
        timing: profiles.lan,
        keyring: undefined,
        ...config,
      },
      timers: this.timers,
      log: new RecordedLog(),
      random: { next: () => id / 2 ** 31 },
      counters: new SerfCounters(),
      clock,
      aliveCount: () => members,
      handle: (_now, message) => {
        clock.witness(message.ltime);
        this.heard.push(message);
      },
      broadcast: (encoded) => this.broadcast.push(encoded),
    });
  }

  start(parts: Parameters<typeof question>[0] = {}): Asked {
    const asked = new Asked();
    this.queries.start(0, question(parts), asked);
    return asked;
  }
}

const vectors = loadVectors<{ serf: { name: string; hex: string }[] }>("messages.json").serf;
const vector = (name: string): string => vectors.find((one) => one.name === name)?.hex ?? "";

describe("the bytes of a query", () => {
  test("without filters are Serf's", () => {
    const asker = new Asker({ id: 1_298_498_081 });
    asker.start({ name: "uptime", requestAck: false, timeout: 15_000 });
    expect(asker.broadcast.map(hex)).toEqual([vector("query")]);
  });

  test("with both filters, acks and relays are Serf's", () => {
    const asker = new Asker({ ltime: 200 });
    asker.start({
      filterNodes: ["alpha", "beta"],
      filterTags: new Map([["role", "^web$"]]),
      relayFactor: 2,
      payload: unhex("70"),
    });
    expect(asker.broadcast.map(hex)).toEqual([vector("query_filters_ack")]);
  });

  test("are those that we hear ourselves, before they are gossiped", () => {
    const asker = new Asker();
    asker.start({ payload: unhex("70") });
    expect(asker.heard).toEqual(asker.broadcast.map((payload) => decodeSerfMessage(payload)));
  });
});

test.for([2, 3])("with protocol %i nothing can be asked", (delegateVersion) => {
  const asker = new Asker({ config: { delegateVersion } });
  expect(() => asker.start()).toThrow(new OperatorError("Feature not supported"));
  expect(asker.broadcast).toEqual([]);
});

describe("the limit of a query", () => {
  test.for([1_024, 300])("of %i bytes is kept to the byte", (querySizeLimit) => {
    const config = { querySizeLimit };
    const plain = new Asker();
    // As in all that is longer than 31 bytes, its header has three.
    plain.start({ payload: new Uint8Array(100) });
    const others = (plain.broadcast[0] as Bytes).length - 100;
    const most = querySizeLimit - others;
    const fits = new Asker({ config });
    fits.start({ payload: new Uint8Array(most) });
    expect(fits.broadcast[0]).toHaveLength(querySizeLimit);
    const longer = new Asker({ config });
    expect(() => longer.start({ payload: new Uint8Array(most + 1) })).toThrow(
      new OperatorError(`query exceeds limit of ${querySizeLimit} bytes`),
    );
    expect([longer.heard, longer.broadcast, longer.queries.running]).toEqual([[], [], 0]);
    expect(longer.timers.deadline()).toBeUndefined();
  });

  test("counts filters as well", () => {
    const filterNodes = Array.from({ length: 60 }, (_, index) => `a-rather-long-name-${index}`);
    expect(() => new Asker().start({ filterNodes })).toThrow("query exceeds limit of 1024 bytes");
  });
});

describe("how long a query waits", () => {
  const { queryTimeout } = loadVectors<{
    queryTimeout: { gossip_ms: number; n: number; timeout_ms: number }[];
  }>("formulas.json");

  test.for(queryTimeout)("among $n members is $timeout_ms ms", ({ n, gossip_ms, timeout_ms }) => {
    const timing = { ...profiles.lan, gossipInterval: gossip_ms };
    const asker = new Asker({ members: n, config: { timing } });
    for (const timeout of [undefined, 0, -1]) asker.start({ timeout });
    expect(asker.heard.map(({ timeout }) => timeout)).toEqual([timeout_ms, timeout_ms, timeout_ms]);
    expect(asker.timers.deadline()).toBe(timeout_ms);
  });

  test.for([
    { peers: 8, dead: 0, timeout: 3_200 },
    { peers: 9, dead: 0, timeout: 6_400 },
    { peers: 9, dead: 1, timeout: 3_200 },
  ])("counts members that are here: $peers others, $dead of them dead", (row) => {
    const lone = new LoneSerf();
    for (let peer = 0; peer < row.peers; peer += 1) lone.meet(`peer${peer}`, peer + 1);
    for (let peer = 0; peer < row.dead; peer += 1) lone.lose(`peer${peer}`);
    const { deadline } = lone.serf.query(lone.cluster.now, question(), new Asked());
    expect(deadline - lone.cluster.now).toBe(row.timeout);
  });

  test("can be said, in fractions of a millisecond as well", () => {
    const asker = new Asker();
    asker.start({ timeout: 0.5 });
    asker.start({ timeout: 9.2e12 });
    expect(asker.broadcast.map((payload) => decodeSerfMessage(payload))).toMatchObject([
      { timeout: 0.5 },
      { timeout: 9.2e12 },
    ]);
  });
});

describe("queries at one time", () => {
  test("have ids of their own, whatever chance says", () => {
    const asker = new Asker({ id: 2 ** 31 - 1 });
    for (let count = 0; count < 3; count += 1) asker.start();
    expect(asker.heard.map(({ id }) => id)).toEqual([2 ** 31 - 1, 0, 1]);
  });

  test("do not replace each other when the clock has come to its end", () => {
    const asker = new Asker({ ltime: Number.MAX_SAFE_INTEGER });
    const both = [asker.start(), asker.start()];
    for (const { ltime, id } of asker.heard) {
      const from = `answer to ${id}`;
      asker.queries.handleReply(1, {
        kind: "query-response",
        ltime,
        id,
        from,
        flags: 1,
        payload: undefined,
      });
    }
    expect(both.map(({ acks }) => acks)).toEqual([["answer to 7"], ["answer to 8"]]);
  });

  test("are 4096 at most, and leave nothing behind", () => {
    const asker = new Asker();
    for (let count = 0; count < 4_096; count += 1) asker.start({ timeout: 500 });
    expect(() => asker.start()).toThrow(new OperatorError("more than 4096 queries are running"));
    asker.timers.runDue(500);
    expect(asker.queries.running).toBe(0);
    expect(asker.timers.deadline()).toBeUndefined();
    expect(() => asker.start()).not.toThrow();
  });

  test("that are too late because the machine stood still get no answers more", () => {
    const asker = new Asker();
    const asked = asker.start({ timeout: 500 });
    const { ltime, id } = asker.heard[0] as QueryMessage;
    const reply = { kind: "query-response" as const, ltime, id, flags: 1, payload: undefined };
    asker.queries.handleReply(500, { ...reply, from: "in time" });
    asker.queries.handleReply(501, { ...reply, from: "late" });
    expect(asked.acks).toEqual(["in time"]);
  });
});
