import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type BenchTask, givenTo, runBench } from "../../src/cli/handlers/bench.js";
import { benchText, warningsOf } from "../../src/cli/handlers/bench-report.js";
import { folderState } from "../../src/cli/handlers/folder-state.js";
import { readMembers, sampleMembers } from "../../src/cli/handlers/members-file.js";
import { putBack } from "../../src/cli/handlers/put-back.js";
import { runProgram } from "../../src/cli/main.js";
import { handlerInput } from "../../src/handler/handler-input.js";
import { isGone } from "../agent/handler-scripts.js";
import { until } from "../support/wait.js";
import { FakeTerminal } from "./fake-terminal.js";

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "gossipd-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Tries a script out that knows its watched folder as `$DIR`. */
async function tried(script: string, more: Partial<BenchTask> = {}) {
  const dir = folder();
  const task: BenchTask = {
    script,
    told: { kind: "member-join", members: sampleMembers },
    self: { ...(sampleMembers[0] as (typeof sampleMembers)[0]), name: "me", tags: new Map() },
    environment: { PATH: process.env.PATH, DIR: dir, GOSSIPD_RPC_AUTH: "secret" },
    rpcAddress: "127.0.0.1:7373",
    folders: [dir],
    timeout: 10_000,
    hostile: true,
    ...more,
  };
  const report = await runBench(task);
  const keptIn = report.hostile?.putBack.keptIn ?? null;
  if (keptIn !== null) onTestFinished(() => rmSync(keptIn, { recursive: true, force: true }));
  const warnings = warningsOf(report);
  return { dir, report, task, warnings, ids: warnings.map(({ id }) => id) };
}

const readRows = `while IFS="$(printf '\\t')" read -r name ip role tags`;

describe("what it warns of", () => {
  test.for([
    {
      what: "nothing, if all is quoted",
      script: `${readRows}; do echo "$name $tags" >>"$DIR/out"; done`,
      ids: [],
    },
    {
      what: "nothing, if hostile values are cleaned",
      script: `${readRows}; do echo "$tags" | tr -cd 'a-z0-9=,\\n' >>$DIR/out; done`,
      ids: [],
    },
    {
      what: "nothing, if it encodes blanks",
      script: `${readRows}; do printf %s "$tags" | sed 's/ /%20/g'; done`,
      ids: [],
    },
    { what: "input that it leaves", script: "exit 0", ids: ["stdin-unread"] },
    {
      what: "input of which it reads the first line alone",
      script: "head -n 1 >/dev/null & read -r one; wait",
      ids: ["stdin-unread"],
    },
    { what: "a failure", script: "cat >/dev/null; exit 3", ids: ["failed"] },
    {
      what: "words of a tag, told apart by its output",
      script: `${readRows}; do echo $tags; done`,
      ids: ["value-globbed", "value-split"],
    },
    {
      what: "words of a tag, told apart by the files",
      script: `set -f; ${readRows}; do for word in $tags; do : >"$DIR/$(basename "$word")"; done; done`,
      ids: ["value-split"],
    },
    {
      what: "words of a tag, told apart by the commands",
      script: `set -f; ${readRows}; do expr $tags : x >/dev/null || true; done`,
      ids: ["value-split"],
    },
    {
      what: "columns that blanks break",
      script: 'while read -r name ip role tags; do echo "$role" ; done',
      ids: ["value-split"],
    },
    {
      what: "a tag that it runs",
      script: `${readRows}; do eval "set -f; tag='' && : $tags" ; done`,
      ids: ["value-executed"],
    },
    {
      what: "a tag that makes it fail",
      script: "grep -q touch && exit 4; true",
      ids: ["hostile-failed"],
    },
  ])("$what", async ({ ids, script }) => {
    expect((await tried(script)).ids).toEqual(ids);
  });

  test("a process that it leaves behind, and ends that", async () => {
    const { ids, report } = await tried("cat >/dev/null; sleep 300 >/dev/null 2>&1 &", {
      hostile: false,
    });
    expect(ids).toEqual(["child-left"]);
    const [left] = report.trial.leftBehind;
    expect(left?.name).toBe("sleep");
    await until("it has ended", () => isGone(left?.pid ?? 0), { every: 5 });
  });

  test("output that something holds open after its end", async () => {
    const { ids, report } = await tried("cat >/dev/null; sleep 300 &", {
      hostile: false,
      timeout: 300,
    });
    expect(ids).toEqual(["output-held"]);
    expect(report.trial.exitStatus).toBe(0);
  });

  test("output that something holds open after its end, also if that ends in time", async () => {
    const { ids, report, warnings } = await tried("cat >/dev/null; sleep 0.5 &", {
      hostile: false,
    });
    expect(ids).toEqual(["output-held"]);
    expect(report.trial).toMatchObject({ exitStatus: 0, isTimedOut: false });
    expect(warnings[0]?.text).toMatch(/leaves something behind .* for \d+(\.\d+)?m?s here/);
  });

  test("what it writes elsewhere, if it names the place", async () => {
    const elsewhere = join(folder(), "proxy.cfg");
    const { ids, report } = await tried(`cat >${elsewhere}`);
    expect(ids).toEqual(["wrote-outside"]);
    expect(report.outside).toEqual([elsewhere]);
  });
});

test("the changes to files are shown as they are after the run as the agent does it", async () => {
  const { dir, report, warnings } = await tried('cat >>"$DIR/list"; rm -f "$DIR/none"');
  expect(await benchText(report, warnings)).toContain(`  created: ${dir}/list
    --- /dev/null
    +++ ${dir}/list
    @@ -0,0 +1,2 @@
    +web1\\t192.0.2.1\\tweb\\tport=8080,role=web
    +web2\\t192.0.2.2\\tweb\\tport=8080,role=web,zone=b
With hostile tags: exit status 0; the watched files that changed meanwhile were put back
Warnings: none
`);
  expect(readFileSync(join(dir, "list"), "utf8").split("\n")).toHaveLength(3);
});

test("files that the hostile run changes, makes or removes are what they were", async () => {
  const dir = folder();
  const path = (name: string): string => join(dir, name);
  for (const name of ["changed", "removed", "mode"])
    writeFileSync(path(name), "kept\n", { mode: 0o640 });
  const script = `if grep -q x7a; then cd ${dir}; echo no >changed; rm removed; chmod 777 mode; mkdir sub; echo >sub/new; fi`;
  const { report } = await tried(script, { folders: [dir] });
  expect(report.files).toEqual([]);
  expect(["changed", "removed", "mode"].map((name) => readFileSync(path(name), "utf8"))).toEqual([
    "kept\n",
    "kept\n",
    "kept\n",
  ]);
  expect(existsSync(path("sub/new"))).toBe(false);
});

describe("files are put back", () => {
  /** `change` is made during the run, `later` after its end. */
  function afterRun(change: (dir: string) => void, later: (dir: string) => void = () => {}) {
    const dir = folder();
    writeFileSync(join(dir, "log"), "one\n");
    const before = folderState([dir]);
    change(dir);
    const after = folderState([dir]);
    const endedAt = Date.now() + 1;
    later(dir);
    const back = putBack({ before, after, endedAt, isOwn: () => false });
    const { keptIn } = back;
    if (keptIn !== null) onTestFinished(() => rmSync(keptIn, { recursive: true }));
    const log = join(dir, "log");
    return { back, dir, log, text: existsSync(log) ? readFileSync(log, "utf8") : undefined };
  }

  const write =
    (name: string, text: string) =>
    (dir: string): void =>
      writeFileSync(join(dir, name), text);

  test("but not those that somebody changed after the script's end", () => {
    const { back, log, text } = afterRun(write("log", "one\ntwo\n"), write("log", "1\n2\nthree\n"));
    expect(text).toBe("1\n2\nthree\n");
    expect(back).toEqual({
      done: [],
      left: [{ path: log, reason: "changed after the script's end" }],
      keptIn: null,
    });
    const made = afterRun(write("new", "a"), write("new", "theirs"));
    expect(readFileSync(join(made.dir, "new"), "utf8")).toBe("theirs");
    const again = afterRun((dir) => rmSync(join(dir, "log")), write("log", "theirs"));
    expect(again.text).toBe("theirs");
  });

  test("but nothing that took the place of a file is written over or followed", () => {
    const target = join(folder(), "target");
    writeFileSync(target, "theirs");
    const { back, log } = afterRun((dir) => {
      rmSync(join(dir, "log"));
      symlinkSync(target, join(dir, "log"));
    });
    expect(readFileSync(target, "utf8")).toBe("theirs");
    expect(back.left.map(({ path }) => path)).toEqual([log]);
  });

  test("and what others may have written during the run is kept", () => {
    const { back, log, text } = afterRun(write("log", "one\ntheirs\n"));
    expect(text).toBe("one\n");
    expect(back.done).toEqual([log]);
    expect(readFileSync(join(back.keptIn ?? "", "0-log"), "utf8")).toBe("one\ntheirs\n");
  });

  test("and kept as they were, too, if not all that is new in them is of hostile members", async () => {
    const dir = folder();
    const script = `echo line >>${dir}/log; if grep -q x7a; then echo x7a >>${dir}/log; echo theirs >>${dir}/log; fi`;
    const { report, warnings } = await tried(script, { folders: [dir] });
    expect(readFileSync(join(dir, "log"), "utf8")).toBe("line\n");
    const keptIn = report.hostile?.putBack.keptIn ?? "";
    expect(readFileSync(join(keptIn, "0-log"), "utf8")).toBe("line\nline\nx7a\ntheirs\n");
    expect(await benchText(report, warnings)).toContain(`is kept in ${keptIn}\n`);
  });

  test("but those over the limit are left and named", async () => {
    const dir = folder();
    const large = join(dir, "large");
    writeFileSync(large, "a".repeat(1_048_577));
    const script = `if grep -q x7a; then echo >>${large}; echo x7a >${dir}/small; fi`;
    const { report, warnings } = await tried(script, { folders: [dir] });
    expect(await benchText(report, warnings)).toContain(
      `of 2 watched files that changed meanwhile 1 were put back
  left as it is: ${large} (larger than 1 MiB, or cannot be read)
`,
    );
    expect(report.hostile?.putBack.keptIn).toBeNull();
    expect(existsSync(join(dir, "small"))).toBe(false);
  });

  test("as the help says", async () => {
    const terminal = new FakeTerminal({});
    await runProgram(["handlers", "test", "-help"], terminal);
    expect(terminal.stderr.replace(/\s+/g, " ")).toContain("up to 1 MiB each, and their mode");
  });
});

test("a script is given what the agent gives, and no secret", async () => {
  const { dir, task } = await tried('env >"$DIR/env"; cat >"$DIR/in"', { hostile: false });
  const { environment, stdin } = givenTo(task);
  expect(Buffer.from(stdin)).toEqual(Buffer.from(handlerInput(task.told)));
  expect(readFileSync(join(dir, "in"))).toEqual(Buffer.from(stdin));
  expect(environment.GOSSIPD_RPC_AUTH).toBeUndefined();
  const expected = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const found = readFileSync(join(dir, "env"), "utf8");
  for (const line of expected) expect(found).toContain(line);
});

describe("the command", () => {
  async function show(...words: string[]) {
    const terminal = new FakeTerminal({ SERF_RPC_AUTH: "secret" });
    const code = await runProgram(["handlers", "test", ...words], terminal);
    return { code, stdout: terminal.stdout };
  }

  test("prints environment and standard input without running anything", async () => {
    const dir = folder();
    const file = join(dir, "nodes.json");
    const members = [
      { name: "b", addr: "10.0.0.2:8000", tags: { role: "db" } },
      { name: "a", ip: "10.0.0.1" },
    ];
    writeFileSync(file, JSON.stringify({ members }));
    const flags = [
      "-show",
      "-members",
      file,
      "-event",
      "member-failed",
      "-node",
      "me",
      "-tag",
      "k=v",
    ];
    expect(await show(...flags, `touch ${dir}/ran`)).toEqual({
      code: 0,
      stdout: `Environment, beside what the agent itself was given:
  SERF_EVENT=member-failed
  SERF_MEMBER_PORTS=a\\t10.0.0.1:7946\\nb\\t10.0.0.2:8000
  SERF_RPC_ADDR=127.0.0.1:7373
  SERF_SELF_NAME=me
  SERF_SELF_ROLE=
  SERF_TAG_K=v
Standard input:
    | a\\t10.0.0.1\\t\\t
    | b\\t10.0.0.2\\tdb\\trole=db
`,
    });
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });

  test.for([
    { event: "user:deploy", line: "SERF_USER_EVENT=deploy", stdin: "    | v1\n" },
    { event: "query:load", line: "SERF_QUERY_NAME=load", stdin: "    | v1\n" },
    { event: "state", line: "SERF_EVENT=state", stdin: "    | web1" },
    { event: "state+json", line: "SERF_EVENT=state", stdin: '    | {"members":[{"name":"web1"' },
  ])("knows $event", async ({ event, line, stdin }) => {
    const { code, stdout } = await show("true", "-show", "-event", event, "-payload", "v1");
    expect(code).toBe(0);
    expect(stdout).toContain(line);
    expect(stdout).toContain(stdin);
  });

  test("refuses what it cannot use", async () => {
    const path = join(folder(), "nodes.json");
    for (const [text, fault] of [
      ["", "EOF"],
      ["{}", "expected a list of members"],
      ["[1]", "member 1: expected an object"],
      ['[{"name":""}]', "member 1: has no name"],
      ['[{"name":"a"}]', "member 1: has no address"],
      ['[{"name":"a","ip":"1.2.3.4","status":"odd"}]', "member 1: status is none of"],
      ['[{"name":"a","ip":"1.2.3.4","tags":{"a":1}}]', "member 1: tags is no object of texts"],
      ['[{"name":"a","ip":"1.2.3.4","port":70000}]', "member 1: port is none"],
    ] as const) {
      writeFileSync(path, text);
      expect(() => readMembers(path), text).toThrow(`${path}: ${fault}`);
    }
    expect((await show("-event", "odd", "true")).stdout).toContain("-event: there is no odd");
    expect((await show("a", "b")).code).toBe(1);
  });
});
