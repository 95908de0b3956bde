import { expect, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import { registry } from "../../src/cli/registry.js";
import { FakeTerminal } from "./fake-terminal.js";

async function run(line: string, program = "gossipd"): Promise<FakeTerminal & { code: number }> {
  const terminal = new FakeTerminal({ SERF_RPC_ADDR: "127.0.0.1:1" }, program);
  const code = await runProgram(line === "" ? [] : line.split(" "), terminal);
  return Object.assign(terminal, { code });
}

const usage = "Usage: gossipd [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n";

test.for([
  ["", 127],
  ["bogus", 127],
  ["help", 127],
  ["-x", 127],
  ["-version", 127],
  ["bogus -h", 127],
  ["-h", 0],
  ["-help", 0],
  ["--help", 0],
] as const)("'%s' gives the usage on stderr and exit code %i", async ([line, code]) => {
  const ran = await run(line);
  expect(ran.stderr.startsWith(usage)).toBe(true);
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: "" });
});

test("the usage lists the commands that there are", async () => {
  const { stderr } = await run("");
  const names = [...stderr.matchAll(/^ {4}(\S+) +\S/gm)].map(([, name]) => name);
  expect(names).toEqual(
    (
      "agent completion config doctor drain event force-leave handlers health info join keygen keys lb leave maint members " +
      "monitor query reachability ready rtt run " +
      "simulate tags top version wait why"
    ).split(" "),
  );
});

test.for(["-v", "--version", "-v members", "--version bogus", "version", "version extra"])(
  "'%s' prints the version",
  async (line) => {
    const ran = await run(line);
    expect(ran.stdout).toMatch(/^\d+\.\d+\.\d+\nAgent Protocol: 5 \(Understands back to: 2\)\n$/);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
  },
);

test.for([
  ["memers", "members"],
  ["Members", "members"],
  ["force_leave", "force-leave"],
  ["frobnicate", undefined],
] as const)("of the unknown command '%s', %s was meant", async ([name, meant]) => {
  const ran = await run(name);
  const last = ran.stderr.split("\n").at(-2);
  expect(ran.code).toBe(127);
  expect(last).toBe(meant === undefined ? "" : `Did you mean ${meant}?`);
});

test.for([
  ["members -formt=json", "Did you mean -format?\n"],
  ["agent -config=x", ""],
  ["agent -retryjoin=x", "Did you mean -retry-join?\n"],
  ["members -bogus", ""],
] as const)(
  "the unknown flag of '%s' is told as Go does, then what was meant",
  async ([line, meant]) => {
    const flag = / -([a-z]+)/.exec(line)?.[1];
    const ran = await run(line);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toBe(`flag provided but not defined: -${flag}\n${meant}`);
    expect(ran.stdout).toMatch(/^Usage: /);
  },
);

test("a -v after the command is one of its flags", async () => {
  const ran = await run("members -v");
  expect(ran.stderr).toBe("flag provided but not defined: -v\n");
  expect(ran.code).toBe(1);
});

test("a flag before the command belongs behind it", async () => {
  const ran = await run("-name=x members");
  expect(ran.stderr).toMatch(
    /^Flags of a command stand after it: -name=x\n\nUsage: gossipd members/,
  );
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: "" });
});

test("the texts name the program as it was called", async () => {
  expect((await run("", "serf")).stderr).toMatch(/^Usage: serf \[--version\]/);
  expect((await run("members -h", "serf")).stderr).toMatch(/^Usage: serf members \[options\]\n/);
});

test("keygen prints 32 random bytes in base64", async () => {
  const [one, other] = [await run("keygen"), await run("keygen extra")];
  expect(one.stdout).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  expect(Buffer.from(one.stdout, "base64")).toHaveLength(32);
  expect(other.stdout).not.toBe(one.stdout);
  expect([one.code, other.code]).toEqual([0, 0]);
});

test.for(registry.map(({ name }) => name))(
  "the help of %s fits a terminal of 80 columns and ends each sentence once",
  async (name) => {
    const { stderr } = await run(`${name} -h`);
    const odd = stderr
      .split("\n")
      .filter((line) => line.length > 80 || /[^.]\.\.(\s|$)/.test(line));
    expect(odd).toEqual([]);
  },
);
