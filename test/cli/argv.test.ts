import { expect, test } from "vitest";
import { asksForHelp, FlagError, parseArguments, parseTagPairs } from "../../src/cli/argv.js";
import type { OptionSpec } from "../../src/cli/command.js";

const options: readonly OptionSpec[] = [
  { flag: "name", kind: "text", help: "" },
  { flag: "tag", kind: "text", repeatable: true, help: "" },
  { flag: "detailed", kind: "switch", help: "" },
  { flag: "protocol", kind: "integer", help: "" },
];

function parse(line: string): { given: string[]; rest: readonly string[] } {
  const { given, positionals } = parseArguments(options, line === "" ? [] : line.split(" "));
  return { given: given.map(({ flag, value }) => `${flag}:${value}`), rest: positionals };
}

test.for([
  ["", [], []],
  ["-name a", ["name:a"], []],
  ["-name=a", ["name:a"], []],
  ["--name a", ["name:a"], []],
  ["--name=a=b", ["name:a=b"], []],
  ["-name=", ["name:"], []],
  ["-name -detailed", ["name:-detailed"], []],
  ["-name --", ["name:--"], []],
  ["-tag a=1 -name x -tag b=2", ["tag:a=1", "name:x", "tag:b=2"], []],
  ["-detailed", ["detailed:true"], []],
  ["-detailed true", ["detailed:true"], ["true"]],
  ["-detailed=false", ["detailed:false"], []],
  ["--detailed=T -detailed=0", ["detailed:true", "detailed:false"], []],
  ["a -name b", [], ["a", "-name", "b"]],
  ["-name a -- -name b", ["name:a"], ["-name", "b"]],
  ["- -name a", [], ["-", "-name", "a"]],
  ["-protocol -3", ["protocol:-3"], []],
] as const)("'%s' is read as Go reads it", ([line, given, rest]) => {
  expect(parse(line)).toEqual({ given, rest });
});

test.for([
  ["a -name b c", ["name:b"], ["a", "c"]],
  ["a -detailed c -tag x=1", ["detailed:true", "tag:x=1"], ["a", "c"]],
  ["a -- -name b", [], ["a", "-name", "b"]],
  ["-name a - b", ["name:a"], ["-", "b"]],
] as const)("'%s' is read with flags anywhere if they may be mixed", ([line, given, rest]) => {
  const read = parseArguments(options, line.split(" "), true);
  expect(read.given.map(({ flag, value }) => `${flag}:${value}`)).toEqual(given);
  expect(read.positionals).toEqual(rest);
});

test.for([
  ["-x", "flag provided but not defined: -x"],
  ["--no-such=1", "flag provided but not defined: -no-such"],
  ["-Name a", "flag provided but not defined: -Name"],
  ["-name", "flag needs an argument: -name"],
  ["---name", "bad flag syntax: ---name"],
  ["-=a", "bad flag syntax: -=a"],
  ["--=a", "bad flag syntax: --=a"],
  ["-detailed=yes", 'invalid boolean value "yes" for -detailed: parse error'],
  ["-detailed=", 'invalid boolean value "" for -detailed: parse error'],
  ["-protocol=abc", 'invalid value "abc" for flag -protocol: parse error'],
  ["-protocol=1.5", 'invalid value "1.5" for flag -protocol: parse error'],
  ["-protocol=09", 'invalid value "09" for flag -protocol: parse error'],
  [
    "-protocol=99999999999999999999",
    'invalid value "99999999999999999999" for flag -protocol: value out of range',
  ],
] as const)("'%s' is refused: %s", ([line, error]) => {
  expect(() => parse(line)).toThrow(FlagError);
  expect(() => parse(line)).toThrow(error);
});

test.for([
  ["5", 5],
  ["-5", -5],
  ["+5", 5],
  ["0", 0],
  ["0x1F", 31],
  ["017", 15],
  ["0o17", 15],
  ["-0b11", -3],
] as const)("the integer %s is %i", ([text, value]) => {
  expect(parseArguments(options, [`-protocol=${text}`]).integer("protocol")).toBe(value);
});

test("the last value of a flag counts, and a repeatable one has all", () => {
  const args = parseArguments(options, "-name a -name b -tag x=1 -tag y=2 -detailed".split(" "));
  expect(args.text("name")).toBe("b");
  expect(args.texts("tag")).toEqual(["x=1", "y=2"]);
  expect(args.switched("detailed")).toBe(true);
  expect([args.text("role"), args.integer("protocol"), args.switched("x")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test.for([
  [["-h"], true],
  [["x", "--help"], true],
  [["-name", "-help"], true],
  [["--", "-h"], false],
  [["-hh", "h", "help"], false],
] as const)("%j asks for help: %s", ([argv, asks]) => {
  expect(asksForHelp(argv)).toBe(asks);
});

test("a tag's key ends at the first equals sign and is not empty", () => {
  expect([...parseTagPairs(["a=b=c", "d=", "a=e"])]).toEqual([
    ["a", "e"],
    ["d", ""],
  ]);
  expect(() => parseTagPairs(["a"])).toThrow("Error: Invalid tag: 'a'");
  expect(() => parseTagPairs(["=b"])).toThrow("Error: Invalid tag: '=b'");
});
