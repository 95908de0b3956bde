import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findJsonFault } from "../../src/base/json-fault.js";
import { parseFirstJson } from "../../src/base/json-value.js";

test.for([
  { text: '{"a":1}', value: { a: 1 } },
  { text: '  {"a":1} {"b":2}', value: { a: 1 } },
  { text: '{"a":"}\\"{"} rest', value: { a: '}"{' } },
  { text: '[{"a":[]}]]', value: [{ a: [] }] },
  { text: "null trailing", value: null },
  { text: "12,", value: 12 },
  { text: '"x" y', value: "x" },
])("the first value of $text counts", ({ text, value }) => {
  expect(parseFirstJson(text)).toEqual(value);
});

function at(line: number, column: number, expected: string): string {
  return `invalid JSON at line ${line}, column ${column}: expected ${expected}`;
}

test.for([
  { text: "", fault: /^EOF$/ },
  { text: " \n", fault: /^EOF$/ },
  { text: '{"a":1', fault: /^unexpected EOF$/ },
  { text: '{"a', fault: /^unexpected EOF$/ },
  { text: '["a\\"]', fault: /^unexpected EOF$/ },
  { text: "{a:1}", fault: at(1, 2, "a key in double quotes") },
  { text: '{"a" 1}', fault: at(1, 6, "a colon") },
  { text: '{"a":1,}', fault: at(1, 8, "a key in double quotes") },
  { text: '{\n  "a": 1\n  "b": 2\n}', fault: at(3, 3, ", or }") },
  { text: "[1 2]", fault: at(1, 4, ", or ]") },
  { text: "[1,]", fault: at(1, 4, "a value") },
  { text: "[01]", fault: at(1, 2, "a value") },
  { text: "[truely]", fault: at(1, 2, "a value") },
  { text: '["a\nb"]', fault: /line 1, column 2: expected a string on one line/ },
  { text: '["\\x"]', fault: /line 1, column 2: expected a string/ },
  { text: "[}]", fault: at(1, 2, "a value") },
  { text: "nonsense", fault: at(1, 1, "a value") },
  { text: "}", fault: at(1, 1, "a value") },
])("$text is refused", ({ text, fault }) => {
  expect(() => parseFirstJson(text)).toThrow(fault);
});

describe("a fault is found in what JSON.parse refuses, and in nothing else", () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };

  test("among all texts of JSON's own characters", () => {
    const character = fc.constantFrom(...'[[]]{{}},,::""\\u0123-+.eE tfn \n');
    const word = fc.constantFrom("true", "null", '"a"', '"a":', "1", "-0.5e3", "[", "]", "{", "}");
    const texts = fc.array(fc.oneof(character, word), { maxLength: 12 });
    fc.assert(
      fc.property(texts, (parts) => {
        // What follows a value is another matter.
        const text = `[${parts.join("")}]`;
        const fault = findJsonFault(text, 0);
        if (isJson(text)) expect(fault).toBeUndefined();
        else if (fault === undefined) expect(parseFirstJson(text)).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });

  test("among values that were written as JSON", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(findJsonFault(text, 0)).toBeUndefined();
      }),
    );
  });
});

test("a fault says nothing of what stands around it", () => {
  const key = "c2VjcmV0IGtleSBvZiAxNg==";
  for (const text of [`["${key}", x]`, `["${key}" "${key}"]`, `{"rpc_auth": ${key}}`, key]) {
    expect(() => parseFirstJson(text)).toThrow(/^(?!.*(c2V|MTY|Ng==)).*line 1/);
  }
});
