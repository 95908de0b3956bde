import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom, shuffle } from "../../src/base/random.js";
import { type MemberRecord, Members } from "../../src/swim/members.js";
import { Neighbours } from "../../src/swim/neighbours.js";
import { noBytes, stockVersions } from "../support/swim-host.js";

function record(number: number): MemberRecord {
  return {
    name: `m${number}`,
    address: { ip: Uint8Array.of(10, 0, number >> 8, number & 0xff), port: 7946 },
    meta: noBytes,
    versions: stockVersions,
    incarnation: 1,
    state: "alive",
    changedAt: 0,
    suspicion: undefined,
  };
}

/** The table of one of `count` members and its neighbours; it learned of the others in an order of its own. */
class View {
  readonly members: Members;
  readonly neighbours: Neighbours;

  constructor(local: number, count: number) {
    const random = new SeededRandom(local);
    this.members = new Members(random, 10_000);
    const own = record(local);
    this.members.add(own);
    this.neighbours = new Neighbours(this.members, own);
    const others = Array.from({ length: count }, (_, index) => index).filter((n) => n !== local);
    shuffle(random, others);
    for (const other of others) this.come(other);
  }

  come(number: number): void {
    const added = record(number);
    this.members.add(added);
    this.neighbours.arrive(added);
  }

  go(number: number): void {
    const known = this.members.get(`m${number}`);
    if (known === undefined) return;
    const own = this.members.own(known);
    this.members.setState(own, "dead", 1);
    this.neighbours.depart(own);
  }

  names(rank: number): string[] {
    return this.neighbours.at(rank).map(({ name }) => name);
  }
}

test("who has a neighbour is one of its neighbours", () => {
  const views = Array.from({ length: 40 }, (_, local) => new View(local, 40));
  for (const rank of [0, 1]) {
    for (const [local, view] of views.entries()) {
      expect(view.names(rank)).toHaveLength(2);
      for (const name of view.names(rank)) {
        expect(views[Number(name.slice(1))]?.names(rank)).toContain(`m${local}`);
      }
    }
  }
});

test("from neighbour to neighbour one comes to all", () => {
  const views = Array.from({ length: 40 }, (_, local) => new View(local, 40));
  const reached = new Set(["m0"]);
  for (const name of reached) {
    for (const next of views[Number(name.slice(1))]?.names(0) ?? []) reached.add(next);
  }
  expect(reached.size).toBe(40);
});

test.for([
  { count: 1, nearest: 0, next: 0 },
  { count: 2, nearest: 1, next: 0 },
  { count: 3, nearest: 2, next: 0 },
  { count: 4, nearest: 2, next: 1 },
  { count: 5, nearest: 2, next: 2 },
])("among $count there are $nearest and $next", ({ count, nearest, next }) => {
  const view = new View(0, count);
  expect(view.names(0)).toHaveLength(nearest);
  expect(view.names(1)).toHaveLength(next);
  expect(view.names(0)).not.toContain("m0");
});

test("however they came and went, they are those of one that looks at all anew", () => {
  const change = fc.record({ number: fc.integer({ min: 1, max: 30 }), come: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const view = new View(0, 3);
      for (const { come, number } of changes) {
        view.names(0);
        const known = view.members.get(`m${number}`);
        if (!come) view.go(number);
        else if (known === undefined) view.come(number);
        else if (known.state === "dead") {
          const own = view.members.own(known);
          view.members.setState(own, "alive", 1);
          view.neighbours.arrive(own);
        }
      }
      const anew = new Neighbours(view.members, record(0));
      for (const rank of [0, 1]) {
        expect(view.names(rank)).toEqual(anew.at(rank).map(({ name }) => name));
      }
    }),
  );
});

test("one that moved is looked for where it is now", () => {
  const view = new View(0, 40);
  const [name = ""] = view.names(0);
  const known = view.members.get(name);
  if (known === undefined) throw new Error("a neighbour is known");
  const own = view.members.own(known);
  let moved = 1_000;
  while (view.names(0).includes(name)) {
    own.address = record(moved).address;
    view.neighbours.arrive(own);
    moved += 1;
  }
  expect(view.names(0)).toHaveLength(2);
});
