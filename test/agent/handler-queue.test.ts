import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HandlerQueue, queueLimits } from "../../src/agent/handler-queue.js";
import { parseStreamFilters, passes } from "../../src/agent/handler-spec.js";
import type { MemberEvent, MemberEventKind, SerfEvent } from "../../src/serf/events.js";
import { member, memberEvent, query, userEvent } from "./handler-events.js";

function queueFor(filterText: string, limits = queueLimits): HandlerQueue {
  const filters = parseStreamFilters(filterText);
  return new HandlerQueue((event) => filters.some((filter) => passes(filter, event)), limits);
}

function drain(queue: HandlerQueue, now = 0): SerfEvent[] {
  const events: SerfEvent[] = [];
  for (let event = queue.take(now); event !== undefined; event = queue.take(now)) {
    events.push(event);
  }
  return events;
}

const described = (event: SerfEvent): string =>
  "members" in event
    ? `${event.kind} ${event.members.map(({ name, address }) => `${name}:${address.port}`)}`
    : `${event.kind} ${event.name}`;

/** `join a:1` is what a real event of that kind would bring; `take` lets the handler take one. */
function afterSteps(filterText: string, steps: readonly string[]): string[] {
  const queue = queueFor(filterText);
  for (const step of steps) {
    const [what = "", name = "", port = "1"] = step.split(/[ :]/);
    if (what === "take") queue.take(0);
    else if (what === "user") queue.push(userEvent(name));
    else
      queue.push(memberEvent(`member-${what}` as MemberEventKind, member(name, { port: +port })));
  }
  return drain(queue).map(described);
}

describe("of each member only what still has to be told waits", () => {
  test.for([
    { steps: ["join a", "update a:2"], told: ["member-join a:2"] },
    { steps: ["update a", "update a:2"], told: ["member-update a:2"] },
    { steps: ["join a", "failed a:2"], told: ["member-failed a:2"] },
    { steps: ["join a", "leave a"], told: ["member-leave a:1"] },
    {
      steps: ["join a", "update a:2", "failed a:3", "join a:4"],
      told: ["member-failed a:3", "member-join a:4"],
    },
    { steps: ["failed a", "join a:2"], told: ["member-failed a:1", "member-join a:2"] },
    { steps: ["failed a", "join a:2", "failed a:2"], told: ["member-failed a:2"] },
    { steps: ["failed a", "leave a"], told: ["member-failed a:1", "member-leave a:1"] },
    { steps: ["failed a", "reap a"], told: ["member-failed a:1", "member-reap a:1"] },
    {
      steps: ["failed a", "reap a", "join a:2", "failed a:2"],
      told: ["member-reap a:1", "member-failed a:2"],
    },
    { steps: ["update a", "leave a"], told: ["member-leave a:1"] },
    { steps: ["join a", "take", "update a:2"], told: ["member-update a:2"] },
    { steps: ["failed a", "join a:2", "take", "update a:3"], told: ["member-join a:3"] },
  ])("$steps -> $told", ({ steps, told }) => {
    expect(afterSteps("*", steps)).toEqual(told);
  });

  test("changes of one kind are told together, sorted, at the place of the first", () => {
    const steps = ["user one", "join b", "user two", "failed c", "join a", "user three"];
    expect(afterSteps("*", steps)).toEqual([
      "user one",
      "member-join a:1,b:1",
      "user two",
      "member-failed c:1",
      "user three",
    ]);
  });

  test("what nobody listens to does not wait, but lends its data to a join that does", () => {
    expect(afterSteps("member-join", ["join a", "update a:2", "failed a", "user x"])).toEqual([
      "member-join a:2",
    ]);
    expect(afterSteps("member-leave,user:x", ["failed a", "user y", "leave b", "user x"])).toEqual([
      "member-leave b:1",
      "user x",
    ]);
  });
});

describe("user events and queries", () => {
  test("make members wait for one of them, however many there are", () => {
    const steps = ["user x", "user y", "user z", "join a", "update b", "failed c"];
    expect(afterSteps("*", steps)).toEqual([
      "user x",
      "member-join a:1",
      "user y",
      "member-update b:1",
      "user z",
      "member-failed c:1",
    ]);
  });

  test("keep their order and lose the oldest beyond the bound", () => {
    const queue = queueFor("*", { ...queueLimits, messages: 3 });
    for (const name of ["a", "b", "c", "d"]) queue.push(userEvent(name));
    queue.push(query("e"));
    expect(drain(queue).map(described)).toEqual(["user c", "user d", "query e"]);
    expect(queue.dropped).toBe(2);
  });

  test("are bounded in bytes too", () => {
    const queue = queueFor("*", { ...queueLimits, payloadBytes: 10 });
    for (const name of ["a", "b", "c"]) queue.push(userEvent(name, "12345"));
    expect(drain(queue).map(described)).toEqual(["user b", "user c"]);
    for (const name of ["d", "e"]) queue.push(userEvent(name, "12345"));
    expect(drain(queue).map(described)).toEqual(["user d", "user e"]);
    expect(queue.dropped).toBe(1);
  });

  test("a query whose deadline passed is not told", () => {
    const queue = queueFor("*");
    queue.push(query("early", { deadline: 100 }));
    queue.push(query("late", { deadline: 101 }));
    expect(drain(queue, 100).map(described)).toEqual(["query late"]);
    expect(queue.expired).toBe(1);
  });

  test("do not push out members", () => {
    const queue = queueFor("*");
    queue.push(memberEvent("member-join", member("a")));
    for (let count = 0; count < 10_000; count += 1) queue.push(userEvent(`${count}`));
    const events = drain(queue).map(described);
    expect(events[0]).toBe("member-join a:7946");
    expect(events).toHaveLength(1 + queueLimits.messages);
    expect(queue.dropped).toBe(10_000 - queueLimits.messages);
  });
});

test("members are bounded in number, the longest waiting are given up", () => {
  const queue = queueFor("*", { ...queueLimits, members: 2 });
  for (const name of ["a", "b", "c"]) queue.push(memberEvent("member-join", member(name)));
  expect(drain(queue).map(described)).toEqual(["member-join b:7946,c:7946"]);
  expect(queue.dropped).toBe(1);
});

/** What somebody knows who was told these events in this order: `STATUS PORT` by name. */
class View {
  readonly known = new Map<string, string>();
  readonly faults: string[] = [];

  apply(event: MemberEvent): void {
    for (const { name, address } of event.members) {
      const before = this.known.get(name) ?? "";
      if (event.kind === "member-join" && before.startsWith("alive")) {
        this.faults.push(`${name} joined while alive`);
      }
      if (event.kind === "member-reap") this.known.delete(name);
      else this.known.set(name, `${statusAfter[event.kind]} ${address.port}`);
    }
  }
}

const statusAfter = {
  "member-join": "alive",
  "member-update": "alive",
  "member-leave": "left",
  "member-failed": "failed",
} as const;

/** What can happen to a member of that status. */
function possible(status: string | undefined): readonly MemberEventKind[] {
  if (status === undefined) return ["member-join"];
  if (status === "alive") return ["member-update", "member-leave", "member-failed"];
  if (status === "left") return ["member-join", "member-reap"];
  return ["member-join", "member-leave", "member-reap"];
}

interface Step {
  readonly name: string;
  readonly choice: number;
  readonly port: number;
  /** How many events the handler takes before this one. */
  readonly takes: number;
}

const steps = fc.array(
  fc.record<Step>({
    name: fc.constantFrom("a", "b", "c"),
    choice: fc.nat(2),
    port: fc.integer({ min: 1, max: 9 }),
    takes: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 })),
  }),
  { maxLength: 60 },
);

/** Plays the steps; `truth` was told at once what passes the filters, `told` when it had time. */
function play(filterText: string, sequence: readonly Step[]) {
  const queue = queueFor(filterText);
  const world = new View();
  const truth = new View();
  const told = new View();
  const filters = parseStreamFilters(filterText);
  let pushed = 0;
  let taken = 0;
  const take = () => {
    const event = queue.take(0);
    if (event === undefined) return false;
    taken += 1;
    told.apply(event as MemberEvent);
    return true;
  };
  for (const { name, choice, port, takes } of sequence) {
    for (let count = 0; count < takes; count += 1) take();
    const kinds = possible(world.known.get(name)?.split(" ")[0]);
    const kind = kinds[choice % kinds.length] as MemberEventKind;
    const event = memberEvent(kind, member(name, { port }));
    world.apply(event);
    if (filters.some((filter) => passes(filter, event))) {
      truth.apply(event);
      pushed += 1;
    }
    queue.push(event);
  }
  while (take());
  return { truth, told, queue, pushed, taken };
}

describe("whatever happens and however slow the handler is", () => {
  test("what it was told, applied in order, is the truth", () => {
    let merged = 0;
    fc.assert(
      fc.property(steps, (sequence) => {
        const { truth, told, queue } = play("*", sequence);
        expect(Object.fromEntries(told.known)).toEqual(Object.fromEntries(truth.known));
        expect(told.faults).toEqual([]);
        expect(queue.dropped).toBe(0);
        merged += queue.merged;
      }),
      { seed: 1, numRuns: 1_000 },
    );
    expect(merged).toBeGreaterThan(1_000);
  });

  test.for([
    "member-join,member-leave,member-failed",
    "member-join,member-leave,member-failed,member-update",
    "member-leave,member-failed",
    "member-failed",
    "member-leave",
    "member-reap",
  ])("also if it hears of %s only, as far as the status goes", (filterText) => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { truth, told } = play(filterText, sequence);
        const statuses = ({ known }: View) =>
          Object.fromEntries([...known].map(([name, view]) => [name, view.split(" ")[0]]));
        expect(statuses(told)).toEqual(statuses(truth));
      }),
      { seed: 1 },
    );
  });

  test("it is never told more often than things happened, and what waits has a bound", () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { pushed, taken } = play("*", sequence);
        expect(taken).toBeLessThanOrEqual(pushed);
        const blocked = play(
          "*",
          sequence.map((step) => ({ ...step, takes: 0 })),
        );
        expect(blocked.taken).toBeLessThanOrEqual(3 * 4);
      }),
      { seed: 1 },
    );
  });
});
