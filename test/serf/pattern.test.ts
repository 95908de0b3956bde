import fc from "fast-check";
import { expect, test } from "vitest";
import { expressionCost, PatternCache } from "../../src/serf/pattern.js";

test.for([
  { expression: "^web$", text: "web", matches: true },
  { expression: "web", text: "a web of lies", matches: true },
  { expression: "", text: "", matches: true },
  { expression: "^$", text: "x", matches: false },
  { expression: "(?i)WEB", text: "web", matches: true },
  { expression: "\\pL+", text: "é", matches: true },
])("$expression finds something in $text: $matches", ({ expression, text, matches }) => {
  expect(new PatternCache().compile(expression)?.test(text)).toBe(matches);
});

test.for([
  "(",
  "[",
  "a**",
  "(?<=a)b",
  "(a)\\1",
  "a{1001}",
  "x".repeat(1_025),
  "(.{100})".repeat(90),
])("%s is refused", (expression) => {
  const patterns = new PatternCache();
  expect(patterns.compile(expression)).toBeUndefined();
  expect(patterns.compile(expression)).toBeUndefined();
});

test("an expression that makes a backtracking engine hang is answered", () => {
  const pattern = new PatternCache().compile("^(a+)+$");
  expect(pattern?.test(`${"a".repeat(500)}!`)).toBe(false);
});

test("an expression is compiled once while it is among the last 32", () => {
  const patterns = new PatternCache();
  const first = patterns.compile("a");
  for (let index = 0; index < 31; index += 1) patterns.compile(`b${index}`);
  expect(patterns.compile("a")).toBe(first);
  for (let index = 0; index < 32; index += 1) patterns.compile(`c${index}`);
  expect(patterns.compile("a")).not.toBe(first);
});

test("a large expression is not kept", () => {
  const patterns = new PatternCache();
  const large = "a".repeat(257);
  expect(patterns.compile(large)).not.toBe(patterns.compile(large));
});

test.for([
  { expression: "abc", cost: 3 },
  { expression: "[abc]d", cost: 2 },
  { expression: "(ab){10}", cost: 30 },
  { expression: "((ab){10}c){10}", cost: 320 },
  { expression: "a{3,5}", cost: 5 },
  { expression: "a{3,}", cost: 3 },
  { expression: "a{0}", cost: 1 },
  { expression: "a{,3}", cost: 5 },
  { expression: "\\(a\\)", cost: 3 },
  // What is no group must not hide one: a parenthesis in a class or a quotation.
  { expression: "(aa[(]b){1000}", cost: 5_000 },
  { expression: "(aa[]()]b){1000}", cost: 5_000 },
  { expression: "(aa[[:alpha:](]b){1000}", cost: 5_000 },
  { expression: "(aa\\Q(\\Eb){1000}", cost: 9_000 },
  { expression: "x".repeat(1_025), cost: Number.POSITIVE_INFINITY },
])("$expression costs $cost", ({ expression, cost }) => {
  expect(expressionCost(expression)).toBe(cost);
});

test("whatever a peer sends is refused or compiled", () => {
  const piece = fc.constantFrom(..."ab()[]{}|*+?^$.\\-:,19QE".split(""), "{9,99}", "[^", "(?:");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const pattern = new PatternCache().compile(pieces.join(""));
      expect(typeof (pattern?.test("aab1") ?? false)).toBe("boolean");
    }),
  );
});
