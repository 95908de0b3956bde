import { expect, test } from "vitest";
import { suggest } from "../../src/base/suggest.js";

const known = ["bind", "node_name", "retry_join", "skip_leave_on_interrupt", "tags"];

test.for([
  ["bnid", "bind"],
  ["tag", "tags"],
  ["Bind", "bind"],
  ["nodename", "node_name"],
  ["retry-join", "retry_join"],
  ["name", undefined],
  ["x", undefined],
  ["leave_on_interrupt", undefined],
  ["", undefined],
] as const)("'%s' was meant to be %s", ([given, meant]) => {
  expect(suggest(given, known)).toBe(meant);
});

test("where nothing is known nothing is suggested", () => {
  expect(suggest("bind", [])).toBeUndefined();
});
