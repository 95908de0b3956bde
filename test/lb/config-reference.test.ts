import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeLbConfig } from "../../src/lb/config-file.js";
import { configReference } from "./config-reference.js";

const file = new URL("../../handlers/lb/README.md", import.meta.url);
const begin = "<!-- keys: held true by a test, UPDATE_REFERENCE=1 writes them -->\n";
const end = "<!-- end of keys -->\n";

test("the reference has every key with its default, its range and its meaning", () => {
  const text = readFileSync(file, "utf8");
  const [before = "", rest = ""] = text.split(begin);
  const [keys, after = ""] = rest.split(end);
  const wanted = `\n${configReference()}\n`;
  if (process.env.UPDATE_REFERENCE === "1") {
    writeFileSync(file, `${before}${begin}${wanted}${end}${after}`);
  } else expect(keys).toBe(wanted);
});

test("every example in it is a configuration", () => {
  const examples = [...readFileSync(file, "utf8").matchAll(/^```json\n([\s\S]*?)^```$/gm)];
  expect(examples.length).toBeGreaterThan(2);
  for (const [, example = ""] of examples) {
    const value = JSON.parse(example) as { load_balancer?: unknown };
    expect(decodeLbConfig(value.load_balancer ?? value, "README.md").balancers).not.toEqual([]);
  }
});
