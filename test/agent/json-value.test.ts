import { expect, test } from "vitest";
import { parseFirstJson } from "../../src/agent/json-value.js";

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

test.for([
  { text: "", fault: /^EOF$/ },
  { text: " \n", fault: /^EOF$/ },
  { text: '{"a":1', fault: /^unexpected EOF$/ },
  { text: '{"a', fault: /^unexpected EOF$/ },
  { text: '["a\\"]', fault: /^unexpected EOF$/ },
  { text: "{a:1}", fault: /JSON|property name/ },
  { text: "nonsense", fault: /JSON|token/ },
  { text: "}", fault: /JSON|token/ },
])("$text is refused", ({ text, fault }) => {
  expect(() => parseFirstJson(text)).toThrow(fault);
});
