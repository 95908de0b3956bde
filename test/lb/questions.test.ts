import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { DrainAnswer, LbOrder } from "../../src/lb/load-balancer.js";
import {
  answerQuestion,
  parseDrainAnswers,
  parseOrder,
  parseStatusAnswers,
} from "../../src/lb/questions.js";
import type { BalancerStatus } from "../../src/lb/status.js";

const bytes = (text: string): Buffer => Buffer.from(text);

/** What a balancer of this name says when it is in step. */
function statusOf(name: string, more: Partial<BalancerStatus> = {}): BalancerStatus {
  return {
    name,
    version: "0123456789ab",
    applied: "0123456789ab",
    ok: true,
    holds: [],
    reason: null,
    ...more,
  } as BalancerStatus;
}

/** Balancers that remember what they were told to do. */
class Balancers {
  readonly orders: LbOrder[] = [];
  readonly answers: DrainAnswer[] = [];
  readonly names: readonly BalancerStatus[];

  constructor(...statuses: readonly BalancerStatus[]) {
    this.names = statuses;
  }

  drained(node: string): readonly DrainAnswer[] {
    return this.answers.map((answer) => ({ ...answer, node }));
  }

  order(order: LbOrder): string {
    if (order.kind === "forgive" && order.node === "nobody")
      throw new OperatorError("nobody is not damped");
    this.orders.push(order);
    return `done: ${order.kind}`;
  }

  status() {
    return {
      at: "",
      keeper: null,
      self: "lb1",
      joined: true,
      virtualIp: null,
      balancers: this.names,
    };
  }

  ask(name: string, payload: string | Buffer): string | undefined {
    return answerQuestion(this, name, Buffer.from(payload), 1_000);
  }
}

test("whether a node is drained is answered in a line for each balancer", () => {
  const balancers = new Balancers();
  balancers.answers.push(
    { balancer: "edge", node: "", state: "out", inUse: 0 },
    { balancer: "api", node: "", state: "serving", inUse: 3 },
  );
  expect(balancers.ask("lb-drained", "web1\n")).toBe(
    '{"balancer":"api","node":"web1","state":"serving","inUse":3}\n' +
      '{"balancer":"edge","node":"web1","state":"out","inUse":0}\n',
  );
});

test("an answer that would be too long keeps those that still serve the node", () => {
  const balancers = new Balancers();
  for (let count = 0; count < 30; count += 1) {
    const state = count === 29 ? "draining" : "out";
    balancers.answers.push({ balancer: `balancer-${count}`, node: "", state, inUse: 0 });
  }
  const answer = balancers.ask("lb-drained", "web1") ?? "";
  expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(1_000);
  expect(parseDrainAnswers(bytes(answer))[0]).toMatchObject({ balancer: "balancer-29" });
});

test("what an agent without balancers is asked is not answered", () => {
  expect(new Balancers().ask("lb-drained", "web1")).toBeUndefined();
  expect(new Balancers().ask("lb-status", "")).toBeUndefined();
  expect(new Balancers(statusOf("edge")).ask("uptime", "")).toBeUndefined();
});

test("the status is read as it was told, and long reasons are cut", () => {
  const failed = statusOf("edge", { ok: false, applied: null, reason: "x".repeat(5_000) });
  const answer = new Balancers(statusOf("api"), failed).ask("lb-status", "") ?? "";
  expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(1_000);
  const [first, second] = parseStatusAnswers(bytes(answer));
  expect(first).toMatchObject({ balancer: "edge", ok: false, applied: null });
  expect(second).toEqual({
    balancer: "api",
    version: "0123456789ab",
    applied: "0123456789ab",
    ok: true,
    holds: 0,
    reason: null,
  });
});

describe("an order", () => {
  test.for<[string, LbOrder]>([
    ['{"kind":"pause"}', { kind: "pause" }],
    ['{"kind":"resume","balancer":"edge"}', { kind: "resume", balancer: "edge" }],
    ['{"kind":"accept"}', { kind: "accept" }],
    ['{"kind":"accept","pool":"web"}', { kind: "accept", pool: "web" }],
    ['{"kind":"forgive","node":"web1"}', { kind: "forgive", node: "web1" }],
    [
      '{"kind":"override","node":"web1","admission":"out"}',
      { kind: "override", node: "web1", admission: "out" },
    ],
    [
      '{"kind":"override","node":"web1","admission":"none","for":"1m"}',
      { kind: "override", node: "web1", admission: "none", until: 61_000 },
    ],
  ])("%s is read", ([text, order]) => {
    expect(parseOrder(text, 1_000)).toEqual(order);
  });

  test.for([
    { text: "", fault: "an order is an object of JSON" },
    { text: "[]", fault: "an order is an object of JSON" },
    {
      text: '{"kind":"destroy"}',
      fault: "kind must be accept, apply, forgive, override, pause, prefer or resume",
    },
    { text: '{"kind":"forgive"}', fault: "node is missing" },
    { text: '{"kind":"forgive","node":1}', fault: "node must be a text" },
    {
      text: '{"kind":"override","node":"a","admission":"gone"}',
      fault: "admission must be ready, drain, out or none",
    },
    {
      text: '{"kind":"override","node":"a","admission":"out","for":"soon"}',
      fault: 'time: invalid duration "soon"',
    },
  ])("$text is refused: $fault", ({ text, fault }) => {
    expect(() => parseOrder(text, 0)).toThrow(new OperatorError(fault));
  });

  test("is carried out by those whom it names, and the answer says what was done", () => {
    const balancers = new Balancers(statusOf("edge"));
    expect(balancers.ask("lb-order", '{"kind":"pause"}')).toBe("done: pause");
    expect(balancers.ask("lb-order", '{"kind":"pause","balancer":"other"}')).toBeUndefined();
    expect(balancers.ask("lb-order", '{"kind":"forgive","node":"nobody"}')).toBe(
      "error: nobody is not damped",
    );
    expect(balancers.orders).toEqual([{ kind: "pause" }]);
  });
});

test("no payload of a stranger does more than be refused", () => {
  const balancers = new Balancers(statusOf("edge"));
  const keys = fc.constantFrom("kind", "node", "pool", "admission", "for", "balancer", "__proto__");
  const near = fc.dictionary(
    keys,
    fc.oneof(fc.constantFrom("accept", "override", "out", "5s"), fc.jsonValue()),
  );
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw)),
    near.map((value) => bytes(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(fc.constantFrom("lb-drained", "lb-status", "lb-order"), payload, (name, raw) => {
      expect(Buffer.byteLength(balancers.ask(name, raw) ?? "")).toBeLessThanOrEqual(1_000);
      parseDrainAnswers(raw);
      parseStatusAnswers(raw);
    }),
  );
});
