import { expect, test } from "vitest";
import { QueryFilters } from "../../src/serf/query-filter.js";
import { encodeFilter, type QueryFilter } from "../../src/wire/serf-messages.js";
import { RecordedLog } from "../support/recorded-log.js";

const tags = new Map([["role", "web-frontend"]]);

function match(encoded: readonly Uint8Array[]): { matched: boolean; warned: string[] } {
  const log = new RecordedLog();
  const matched = new QueryFilters("self", () => tags, log).match(encoded);
  return { matched, warned: log.at("warn") };
}

test.for<{ filters: QueryFilter[]; matched: boolean }>([
  { filters: [], matched: true },
  { filters: [{ kind: "nodes", nodes: ["other", "self"] }], matched: true },
  { filters: [{ kind: "nodes", nodes: ["other"] }], matched: false },
  { filters: [{ kind: "nodes", nodes: [] }], matched: false },
  { filters: [{ kind: "tag", tag: "role", expr: "web" }], matched: true },
  { filters: [{ kind: "tag", tag: "role", expr: "^web$" }], matched: false },
  { filters: [{ kind: "tag", tag: "dc", expr: "^$" }], matched: true },
  { filters: [{ kind: "tag", tag: "dc", expr: "." }], matched: false },
  {
    filters: [
      { kind: "nodes", nodes: ["self"] },
      { kind: "tag", tag: "role", expr: "db" },
    ],
    matched: false,
  },
])("$filters match a member with role web-frontend: $matched", ({ filters, matched }) => {
  expect(match(filters.map(encodeFilter))).toEqual({ matched, warned: [] });
});

test("an invalid expression matches nobody and is warned of", () => {
  expect(match([encodeFilter({ kind: "tag", tag: "role", expr: "(" })])).toEqual({
    matched: false,
    warned: ["failed to compile filter regex (()"],
  });
});

test.for([
  { what: "an empty filter", hex: "" },
  { what: "a filter of an unknown type", hex: "0590" },
  { what: "a filter that breaks off", hex: "0092a573656c66" },
])("$what matches nobody", ({ hex }) => {
  expect(match([Buffer.from(hex, "hex")]).matched).toBe(false);
});

test("expressions that together cost too much match nobody", () => {
  const heavy = encodeFilter({ kind: "tag", tag: "role", expr: "(web|.){300}|web" });
  expect(match([heavy, heavy])).toEqual({ matched: true, warned: [] });
  expect(match([heavy, heavy, heavy])).toEqual({
    matched: false,
    warned: ["query filters too large to evaluate"],
  });
});
