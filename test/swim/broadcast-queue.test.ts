import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BroadcastQueue } from "../../src/swim/broadcast-queue.js";
import { text } from "../support/swim-host.js";

function queueOf(population: number, capacity = 1_000): BroadcastQueue {
  return new BroadcastQueue({ retransmitMult: 4, population: () => population, capacity });
}

function taken(queue: BroadcastQueue, overhead: number, budget: number): string[] {
  return queue.take(overhead, budget).map((message) => new TextDecoder().decode(message));
}

describe("35: what a packet gets", () => {
  test("is the longest that fits, of equal ones the newest", () => {
    const queue = queueOf(9);
    for (const message of ["aaaa", "bb", "cccccccc", "dd", "eeee"]) queue.add(text(message));
    expect(taken(queue, 2, 14)).toEqual(["cccccccc", "dd"]);
    expect(taken(queue, 2, 12)).toEqual(["eeee", "aaaa"]);
  });

  test("comes from the least sent first, be it shorter", () => {
    const queue = queueOf(9);
    queue.add(text("long and sent"));
    expect(taken(queue, 2, 15)).toEqual(["long and sent"]);
    queue.add(text("new"));
    expect(taken(queue, 2, 100)).toEqual(["new", "long and sent"]);
    expect(taken(queue, 2, 16)).toEqual(["new"]);
  });

  test("is at most the budget, each with its overhead", () => {
    const queue = queueOf(9);
    for (const message of ["12345", "67890", "x"]) queue.add(text(message));
    expect(taken(queue, 3, 8)).toEqual(["67890"]);
    expect(taken(queue, 3, 3)).toEqual([]);
    expect(taken(queue, 3, 4)).toEqual(["x"]);
    expect(taken(queue, 3, 12)).toEqual(["12345", "x"]);
  });

  test("is not one message twice", () => {
    const queue = queueOf(9);
    queue.add(text("once"));
    expect(taken(queue, 2, 1_000)).toEqual(["once"]);
  });
});

test("35: a new message about a member replaces the queued one, which is finished", () => {
  const finished: string[] = [];
  const queue = queueOf(9);
  queue.add(text("alive"), { name: "web1", finished: () => finished.push("alive") });
  queue.add(text("other"), { name: "web2" });
  queue.take(2, 100);
  queue.add(text("dead"), { name: "web1" });
  expect(finished).toEqual(["alive"]);
  expect(taken(queue, 2, 100)).toEqual(["dead", "other"]);
});

test("without a name nothing is replaced", () => {
  const queue = queueOf(9);
  queue.add(text("same"));
  queue.add(text("same"));
  expect(queue.length).toBe(2);
});

test.for([
  { population: 9, copies: 4 },
  { population: 10, copies: 8 },
  { population: 100, copies: 12 },
])("34: among $population a message is taken $copies times, then it is finished", (row) => {
  const finished: number[] = [];
  const queue = queueOf(row.population);
  queue.add(text("m"), { finished: () => finished.push(1) });
  let copies = 0;
  while (queue.length > 0) copies += queue.take(2, 100).length;
  expect({ copies, finished }).toEqual({ copies: row.copies, finished: [1] });
});

test("the limit is the one of the moment: a group that shrank finishes early", () => {
  let population = 10;
  const queue = new BroadcastQueue({
    retransmitMult: 4,
    population: () => population,
    capacity: 9,
  });
  queue.add(text("m"));
  for (let copy = 0; copy < 5; copy += 1) queue.take(2, 100);
  population = 9;
  expect(taken(queue, 2, 100)).toEqual(["m"]);
  expect(queue.length).toBe(0);
});

test("what is told of the end may add to the queue", () => {
  const queue = queueOf(0);
  queue.add(text("first"), { name: "n", finished: () => queue.add(text("next"), { name: "n" }) });
  expect(taken(queue, 2, 100)).toEqual(["first"]);
  expect(taken(queue, 2, 100)).toEqual(["next"]);
});

test("beyond its capacity it drops the most sent, the shortest, the oldest", () => {
  const dropped: string[] = [];
  const queue = queueOf(9, 3);
  const add = (message: string): void =>
    queue.add(text(message), { finished: () => dropped.push(message) });
  add("sent, long");
  add("sent");
  queue.take(2, 100);
  add("new1");
  add("new2");
  add("new3");
  expect(dropped).toEqual(["sent", "sent, long"]);
  add("new4");
  expect(dropped).toEqual(["sent", "sent, long", "new1"]);
  expect(queue.prune(1)).toBe(2);
  expect(taken(queue, 2, 100)).toEqual(["new4"]);
});

/** What 4.7 of the protocol says, with nothing clever in it. */
class PlainQueue {
  items: { message: string; name: string; id: number; transmits: number }[] = [];
  lastId = 0;

  add(message: string, name: string): void {
    this.items = this.items.filter((item) => item.name !== name);
    this.items.push({ message, name, id: ++this.lastId, transmits: 0 });
  }

  take(overhead: number, budget: number, limit: number): string[] {
    const taken: typeof this.items = [];
    let used = 0;
    for (let tier = 0; tier < limit; tier += 1) {
      for (;;) {
        const [next] = this.items
          .filter((item) => !taken.includes(item) && item.transmits === tier)
          .filter((item) => item.message.length <= budget - used - overhead)
          .sort((a, b) => b.message.length - a.message.length || b.id - a.id);
        if (next === undefined) break;
        taken.push(next);
        used += overhead + next.message.length;
      }
    }
    for (const item of taken) item.transmits += 1;
    this.items = this.items.filter((item) => item.transmits < limit);
    return taken.map((item) => item.message);
  }
}

test("it does what the plain rules say", () => {
  const step = fc.oneof(
    fc.record({ length: fc.integer({ min: 1, max: 40 }), name: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ budget: fc.integer({ min: 0, max: 120 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = queueOf(5);
      const plain = new PlainQueue();
      let count = 0;
      for (const one of steps) {
        if ("budget" in one) {
          expect(taken(queue, 2, one.budget)).toEqual(plain.take(2, one.budget, 4));
        } else {
          const message = `${count++}`.padEnd(one.length, ".").slice(0, one.length);
          queue.add(text(message), { name: `n${one.name}` });
          plain.add(message, `n${one.name}`);
        }
        expect(queue.length).toBe(plain.items.length);
      }
    }),
    { seed: 7, numRuns: 200 },
  );
});
