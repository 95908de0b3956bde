import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  oneLine,
  readIp,
  readNodeName,
  readPort,
  readTag,
  readWeight,
  templateTags,
} from "../../src/lb/values.js";

describe("a member's name goes into comments, commands and paths", () => {
  test.for(["web1", "web-1.example.com", "_a", "10.0.0.1:80", "a".repeat(128)])(
    "%s may",
    (name) => {
      expect(readNodeName(name)).toEqual({ fault: undefined, value: name });
    },
  );
  const hostile = [
    "",
    "..",
    ".hidden",
    "-rf",
    "a b",
    "a/b",
    "../../etc/passwd",
    "a;b",
    "a#b",
    "a\\b",
    "a\nb",
    'a"b',
    "$(reboot)",
    "`id`",
    "{{ 7 }}",
    "{% include %}",
    "wéb",
    "web1\n",
    "a".repeat(10_000),
  ];
  test.for(hostile)("%j may not, and the reason is one short line", (name) => {
    const { fault } = readNodeName(name);
    expect(fault).toMatch(/^the name ".*" must be 1 to 128/);
    expect(fault?.length).toBeLessThan(200);
    expect(fault).not.toMatch(/[\p{Cc}]/u);
  });
});

test.for(["undefined", "web.NaN", "undefined-1"])("nobody is called %s, nor any tag", (word) => {
  expect(readNodeName(word).fault).toMatch(/stands for no value$/);
  expect(readTag(word).fault).toMatch(/stands for no value$/);
});

describe("an address is what a connection can be made to", () => {
  test.for([
    ["10.0.0.1", "10.0.0.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::1", "::1"],
  ])("%s is %s", ([text, value]) => {
    expect(readIp(text as string)).toEqual({ fault: undefined, value });
  });
  test.for([
    "",
    "web1",
    "10.0.0.1:80",
    "[::1]",
    "10.0.0.01",
    "0.0.0.0",
    "::",
    "::ffff:0.0.0.0",
    "224.0.0.1",
    "::ffff:224.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "fe80::1%eth0",
    "1;2",
    "1".repeat(10_000),
  ])("%s is none", (text) => {
    expect(readIp(text).fault?.length).toBeLessThan(120);
  });
});

test.for([
  ["1", 1],
  ["65535", 65_535],
  ["0", undefined],
  ["65536", undefined],
  ["080", undefined],
  ["+80", undefined],
  ["80 ", undefined],
  ["8e1", undefined],
  ["", undefined],
])("the port %j is read as %s", ([text, value]) => {
  const read = readPort(text as string);
  expect(read.fault === undefined ? read.value : undefined).toBe(value);
});

test.for([
  ["0", 0],
  ["256", 256],
  ["257", undefined],
  ["-1", undefined],
  ["1.5", undefined],
])("the weight %j is read as %s", ([text, value]) => {
  const read = readWeight(text as string);
  expect(read.fault === undefined ? read.value : undefined).toBe(value);
});

test("a tag that a template may print is one word without anything that ends a word or begins another", () => {
  for (const good of ["eu-west-1", "", "a/b:c@d,e=f+g", "zürich"]) {
    expect(readTag(good).fault).toBeUndefined();
  }
  const characters = ["\n", "\r", "\t", " ", "\0", '"', "'", "`", "#", ";", "\\", "{", "}", "$"];
  for (const bad of [...characters, "\u2028", "\u0085", "\u202e", "\ud800", "\u00a0"]) {
    expect(readTag(`a${bad}b`).fault, JSON.stringify(bad)).toMatch(
      /^the value .* must not contain/,
    );
  }
  expect(readTag("a".repeat(257)).fault).toContain("longer than 256");
  const tags = new Map([
    ["zone", "a"],
    ["note", "server evil 1.2.3.4:80"],
    ["__proto__; x", "a"],
  ]);
  expect([...templateTags(tags)]).toEqual([["zone", "a"]]);
});

test("whatever somebody sent becomes one printable line of bounded length", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), fc.nat(100), (text, limit) => {
      const line = oneLine(text, limit);
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect([...line].length).toBeLessThanOrEqual(limit + 3);
    }),
    { seed: 1 },
  );
  expect(oneLine(" a\r\n\tb \u202e ")).toBe("a b ?");
});
