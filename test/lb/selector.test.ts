import { describe, expect, test } from "vitest";
import { parseSelector, selects } from "../../src/lb/selector.js";

const web = { role: "web", zone: "b", app: "" };

describe("a selector", () => {
  test.for<[string, Record<string, string>, boolean]>([
    ["role=web", web, true],
    ["role=db", web, false],
    ["role=web", {}, false],
    ["role!=web", web, false],
    ["role!=web", {}, true],
    ["!lb=off", web, true],
    ["!lb=off", { lb: "off" }, false],
    ["!lb=off", { lb: "on" }, true],
    ["app", web, true],
    ["!app", web, false],
    ["!app", {}, true],
    ["zone in (a|b)", web, true],
    ["zone in(a, c)", web, false],
    ["!zone in (a|c)", web, true],
    ["role=web,zone in (a|b),!lb=off,app", web, true],
    ["role=web,zone in (a|b),!lb=off,app", { ...web, lb: "off" }, false],
    [" role = web , zone = b ", web, true],
    ['role="web"', web, true],
    ['app=""', web, true],
    ['note="a,b|c (\\"d\\\\\\")"', { note: 'a,b|c ("d\\")' }, true],
    ["in=x", { in: "x" }, true],
    ["index=1", { index: "1" }, true],
    ["*", {}, true],
  ])("%s over %o is %s", ([text, tags, expected]) => {
    const selector = parseSelector(text);
    expect(selects(selector, new Map(Object.entries(tags)))).toBe(expected);
    expect(selector.text).toBe(text);
  });

  test.for([
    ["", 1, "expected the name of a tag"],
    ["role=", 6, "expected a value"],
    ["role=web,", 10, "expected the name of a tag"],
    ["role=web zone=a", 10, 'expected ","'],
    ["role=a|b", 7, '"tag in (one|another)"'],
    ["zone in a", 9, 'expected "(" after "in"'],
    ["zone in (a", 11, 'expected "|" or ")"'],
    ["zone in ()", 10, "expected a value"],
    ['note="open', 6, "expected a value"],
    ["*,role=web", 2, "stands alone"],
    ["rôle=web", 2, 'expected ","'],
  ] as const)("that reads %o is refused at column %i", ([text, column, problem]) => {
    expect(() => parseSelector(text)).toThrow(`column ${column}: `);
    expect(() => parseSelector(text)).toThrow(problem);
    expect(() => parseSelector(text)).toThrow("role=web,zone in (a|b),!lb=off");
  });
});
