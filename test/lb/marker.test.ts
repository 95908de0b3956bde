import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { findBlocks, replaceBlocks } from "../../src/lb/marker.js";

const file = `backend web
  balance leastconn
  # gossipd begin web
  server old 10.0.0.9:80
  # gossipd end web
backend api
\t# gossipd begin api
\t# gossipd end api`;

test("the blocks of the pools are found with their lines and indentation", () => {
  expect(findBlocks(file, ["api", "web"])).toEqual([
    { name: "web", line: 3, indent: "  ", lines: ["  server old 10.0.0.9:80"] },
    { name: "api", line: 7, indent: "\t", lines: [] },
  ]);
});

test("new lines take the indentation of the marker, all else stays", () => {
  const blocks = new Map([
    ["api", ["server s01 10.0.0.1:80", "", "server s02 10.0.0.2:80"]],
    ["web", []],
  ]);
  expect(replaceBlocks(file, blocks)).toBe(`backend web
  balance leastconn
  # gossipd begin web
  # gossipd end web
backend api
\t# gossipd begin api
\tserver s01 10.0.0.1:80

\tserver s02 10.0.0.2:80
\t# gossipd end api`);
});

test("lines get the line ends of their marker's line", () => {
  const text = "a\r\n  # gossipd begin\r\n  x\n  # gossipd end\r\n\rb\n";
  expect(replaceBlocks(text, new Map([["web", ["y"]]]))).toBe(
    "a\r\n  # gossipd begin\r\n  y\r\n  # gossipd end\r\n\rb\n",
  );
});

describe("markers without a name", () => {
  const plain =
    "# gossipd begin\n# gossipd end\n# gossipd begin generation\n# gossipd end generation\n";
  test("are those of the only pool, and never of an optional part", () => {
    expect(findBlocks(plain, ["web"]).map(({ name }) => name)).toEqual(["web"]);
    const blocks = new Map([
      ["web", ["a"]],
      ["generation", ["b"]],
    ]);
    expect(replaceBlocks(plain, blocks, { optional: ["generation"] })).toBe(
      "# gossipd begin\na\n# gossipd end\n# gossipd begin generation\nb\n# gossipd end generation\n",
    );
    const withoutPart = "# gossipd begin\n# gossipd end\n";
    expect(replaceBlocks(withoutPart, blocks, { optional: ["generation"] })).toBe(
      "# gossipd begin\na\n# gossipd end\n",
    );
  });
  test("are not enough for two pools", () => {
    expect(() => findBlocks(plain, ["web", "api"])).toThrow("no place for the servers of web, api");
  });
});

test.for([
  {
    text: "global\n",
    error:
      'f.cfg has no place for the servers of web: add the lines "# gossipd begin web" and "# gossipd end web" where they belong',
  },
  {
    text: "x\n# gossipd begin web\n",
    error: 'f.cfg, line 2: "# gossipd begin web" without "# gossipd end web" after it',
  },
  {
    text: "# gossipd end web\n# gossipd begin web\n",
    error: 'f.cfg, line 1: "# gossipd end web" without "# gossipd begin web" before it',
  },
  {
    text: "# gossipd begin web\n# gossipd begin api\n# gossipd end api\n# gossipd end web\n",
    error:
      'f.cfg, line 2: "# gossipd begin api" stands inside the block that began on line 1: "# gossipd end web" must come before it',
  },
  {
    text: "# gossipd begin web\n# gossipd end\n",
    error:
      'f.cfg, line 2: "# gossipd end" does not end the block that began on line 1 with "# gossipd begin web"',
  },
  {
    text: "# gossipd begin web\n# gossipd end web\n# gossipd begin web\n# gossipd end web\n",
    error:
      'f.cfg, line 3: a second "# gossipd begin web", the first is on line 1: remove one of the blocks',
  },
  {
    text: "# gossipd begin web\n# gossipd end web\n# gossipd begin\n# gossipd end\n",
    error:
      "f.cfg has two blocks for the pool web, on the lines 1 and 3, one of them without its name: remove one",
  },
])("$error", ({ text, error }) => {
  expect(() => findBlocks(text, ["web"], { file: "f.cfg" })).toThrow(new OperatorError(error));
});

test.for(["a\nb", "a\r", "  # gossipd end web", "# gossipd begin"])("%j is no line", (line) => {
  expect(() => replaceBlocks(file, new Map([["web", [line]]]))).toThrow("must each be one line");
});

test("whatever else is in the file stays byte for byte, and a second time changes nothing", () => {
  const end = fc.constantFrom("\n", "\r\n");
  const foreign = fc
    .array(fc.tuple(fc.string({ unit: "binary", maxLength: 20 }), end), { maxLength: 4 })
    .map((lines) =>
      lines.map(([text, lineEnd]) => `${text.replace(/\n/g, "")}${lineEnd}`).join(""),
    );
  const indent = fc.constantFrom("", "  ", "\t", " \t ");
  const line = fc.constantFrom("", "server a 1.2.3.4:80", "# note", "\tx ");
  const lines = fc.array(line, { maxLength: 4 });
  fc.assert(
    fc.property(
      fc.record({
        before: foreign,
        between: foreign,
        after: foreign,
        last: fc.constantFrom("", "}"),
      }),
      fc.record({ indent, end, old: lines, web: lines, api: lines }),
      ({ before, between, after, last }, { indent: space, end: lineEnd, old, web, api }) => {
        const block = (name: string, content: readonly string[]): string =>
          [`# gossipd begin ${name}`, ...content, `# gossipd end ${name}`]
            .map((one) => (one === "" ? lineEnd : `${space}${one}${lineEnd}`))
            .join("");
        const whole = (one: readonly string[], other: readonly string[]): string =>
          `${before}${block("web", one)}${between}${block("api", other)}${after}${last}`;
        const blocks = new Map([
          ["api", api],
          ["web", web],
        ]);
        const once = replaceBlocks(whole(old, []), blocks);
        expect(once).toBe(whole(web, api));
        expect(replaceBlocks(once, blocks)).toBe(once);
      },
    ),
    { seed: 1 },
  );
});
