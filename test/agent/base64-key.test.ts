import { expect, test } from "vitest";
import { decodeKey } from "../../src/agent/base64-key.js";

test.for([
  ["", ""],
  ["aaa=", "69a6"],
  ["aa\n=\r\n=\n", "69"],
  ["aaaa\n", "69a69a"],
  ["+/+/", "fbffbf"],
])("%j is %s", ([text, hex]) => {
  expect(Buffer.from(decodeKey(text as string)).toString("hex")).toBe(hex);
});

// Each was tried with Serf's own agent.
test.for([
  ["x", 0],
  ["bad", 0],
  ["DEyMzQ1Njc4OWFiY2RlRg==", 21],
  ["aa=", 3],
  ["aa=a", 2],
  ["aa==a", 4],
  ["aaaa=", 4],
  ["a\nb", 1],
  ["aa=\n", 4],
  ["aaa=\nx", 5],
  ["é", 0],
  ["aé", 1],
  ["aaaa\naa", 5],
  ["=aaa", 0],
  ["a===", 1],
  ["aaaaaa", 4],
  ["aa\n", 1],
  [" aa==", 0],
] as const)("%j is wrong at byte %i, as Go says", ([text, byte]) => {
  expect(() => decodeKey(text)).toThrow(new RegExp(`^illegal base64 data at input byte ${byte}$`));
});
