import { expect, test } from "vitest";
import { Chronicle } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";

function ran(event: string, failure?: string): Deed {
  return { kind: "handler", run: 1, script: "a", event, nodes: [], count: 0, took: 1, failure };
}

test("answered queries are told and not kept, so that they push nothing else out", () => {
  const chronicle = new Chronicle(() => 5, 4);
  const told: number[] = [];
  chronicle.follow(({ seq }) => told.push(seq));
  chronicle.note(ran("member-join"));
  for (let count = 0; count < 100; count += 1) chronicle.note(ran("query:load"));
  chronicle.note(ran("query:load", "exit status 1"));
  expect(told).toHaveLength(102);
  expect(chronicle.since(0).map(({ seq }) => seq)).toEqual([1, 102]);
});
