import { expect, test } from "vitest";
import { MemberList } from "../../src/agent/member-list.js";
import type { Member, MemberStatus } from "../../src/serf/events.js";

const versions = { min: 1, max: 5, current: 2 };

function member(name: string, status: MemberStatus = "alive"): Member {
  const address = { ip: Uint8Array.of(10, 0, 0, 1), port: 7_946 };
  return { name, address, tags: new Map(), status, protocol: versions, delegate: versions };
}

/** Serf's table, by name. */
class Table {
  readonly held = new Map<string, Member>();
  sorts = 0;

  constructor(...names: string[]) {
    for (const name of names) this.held.set(name, member(name));
  }

  get memberCount(): number {
    return this.held.size;
  }

  member(name: string): Member | undefined {
    return this.held.get(name);
  }

  members(): Member[] {
    this.sorts += 1;
    return [...this.held.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}

test("what stayed as it was is neither sorted nor described again", () => {
  const table = new Table("c", "a", "b");
  const list = new MemberList(table);
  const before = list.all();
  table.held.set("b", member("b", "failed"));
  const after = list.all();
  expect(after.map(({ name, status }) => `${name} ${status}`)).toEqual([
    "a alive",
    "b failed",
    "c alive",
  ]);
  expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, false]);
  expect(table.sorts).toBe(1);
});

test("one that was forgotten and one that came instead are noticed, also if it are as many", () => {
  const table = new Table("a", "b");
  const list = new MemberList(table);
  list.all();
  table.held.delete("b");
  table.held.set("0", member("0"));
  expect(list.all().map(({ name }) => name)).toEqual(["0", "a"]);
  table.held.delete("a");
  expect(list.all().map(({ name }) => name)).toEqual(["0"]);
  table.held.set("z", member("z"));
  expect(list.matching(({ name }) => name === "z").map(({ name }) => name)).toEqual(["z"]);
});
