import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeControls, escapeWord, layOut, toJson, toObject } from "../../src/cli/output.js";

test("columns are as wide as their widest cell, the last one as its text", () => {
  const rows = [
    ["a", "10.0.0.1:7946", "alive", ""],
    ["long-name", "10.0.0.2:1", "leaving", "k=v"],
    ["é", "10.0.0.3:7946", "left", ""],
  ];
  expect(layOut(rows)).toBe(
    [
      "a          10.0.0.1:7946  alive    ",
      "long-name  10.0.0.2:1     leaving  k=v",
      "é          10.0.0.3:7946  left",
    ].join("\n"),
  );
  expect(layOut([])).toBe("");
});

test.for([
  ["tab\tnewline\ncr\r", "tab\\tnewline\\ncr\\r"],
  ["bell\u0007 esc\u001b[31m del\u007f", "bell\\x07 esc\\x1b[31m del\\x7f"],
  ["c1\u009b line\u2028 par\u2029", "c1\\u009b line\\u2028 par\\u2029"],
  ["turned\u202eround\u2066", "turned\\u202eround\\u2066"],
  ["as it is: |,= é日本 \u{1f600} \\n", "as it is: |,= é日本 \u{1f600} \\n"],
] as const)("%j is shown on one line", ([text, shown]) => {
  expect(escapeControls(text)).toBe(shown);
});

test("a name is one word, whatever blanks it has", () => {
  expect(escapeWord("a b\u00a0c\u3000d\t")).toBe("a\\x20b\\u00a0c\\u3000d\\t");
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (name) => {
      expect(`${escapeWord(name)} x`.split(/\s+/u)).toHaveLength(2);
    }),
  );
});

test("JSON is indented and escaped as Go's", () => {
  expect(toJson({ a: "<&>\u2028", b: {}, c: null })).toBe(
    '{\n  "a": "\\u003c\\u0026\\u003e\\u2028",\n  "b": {},\n  "c": null\n}',
  );
});

test("the keys of an object are sorted, and any text can be one", () => {
  const pairs = new Map([
    ["b", "1"],
    ["__proto__", "2"],
    ["a", "3"],
  ]);
  expect(toJson(toObject(pairs))).toBe('{\n  "__proto__": "2",\n  "a": "3",\n  "b": "1"\n}');
});
