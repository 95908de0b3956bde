import { describe, expect, test } from "vitest";
import { examineRuns } from "../../../src/cli/doctor/handler-runs.js";
import { examineHandler } from "../../../src/cli/doctor/handlers.js";
import { firstCommand } from "../../../src/examine/shell-words.js";
import type { HandlerRun, HandlerState } from "../../../src/observe/handler-run.js";
import { Folder, told, words } from "../../examine/files.js";
import { handlersDir } from "../../handlers/sandbox.js";

test.for([
  ["/bin/x a b", ["/bin/x", "a", "b"], true],
  ["FOO=1 BAR='a b' exec /bin/x", ["/bin/x"], true],
  ['env A=1 sh "/a b/c.sh" \\$x', ["sh", "/a b/c.sh", "$x"], true],
  ["cat >> /tmp/log", ["cat"], false],
  ["a && b", ["a"], false],
  ["a $(b)", ["a", "$"], false],
  ["", [], true],
] as const)("%j begins with %j", ([line, expected, isWhole]) => {
  expect(firstCommand(line)).toEqual({ words: expected, isWhole });
});

const path = "/usr/local/bin:/usr/bin:/bin";

async function examined(script: string, folder = "/", pathOf = path) {
  return await examineHandler({ filters: ["*"], script }, { folder, path: pathOf });
}

describe("a handler", () => {
  test("that can be run is well", async () => {
    const script = new Folder().file(
      "h.sh",
      '#!/bin/sh\nset -eu\nwhile read -r name; do echo "$name"; done\n',
    );
    expect(told(await examined(script))).toEqual(["ok: can be run"]);
    expect(told(await examined(`sh ${script} x`))).toEqual(["ok: can be run"]);
    expect(told(await examined("cat >> /tmp/log"))).toEqual([
      "ok: begins with something that can be run",
    ]);
    expect(told(await examined("echo x"))).toEqual(["ok: can be run"]);
  });

  test.for(["haproxy.sh", "nginx.sh", "log.sh", "router.sh", "lb-drained.sh", "backends.sh"])(
    "that comes along is well: %s",
    async (name) => {
      const found = await examined(handlersDir + name, "/", `${process.env.PATH}:/usr/sbin`);
      expect(told(found)).toEqual(["ok: can be run"]);
    },
  );

  test("that is missing is named, with what is there instead", async () => {
    const folder = new Folder();
    const there = folder.file("haproxy.sh", "#!/bin/sh\necho\n");
    const found = await examined(there.replace("haproxy.sh", "haprxy.sh"));
    expect(told(found)).toEqual(["fail: there is no such file"]);
    expect(words(found)).toContain(`there is ${there}`);
    const deeper = await examined(`${folder.path}/no/where/x.sh`);
    expect(words(deeper)).toContain(`there is no folder ${folder.path}/no either`);
  });

  test("that is not executable is made so by the remedy", async () => {
    const script = new Folder().file("h.sh", "#!/bin/sh\necho\n", 0o644);
    const found = await examined(script);
    expect(told(found)).toEqual(["fail: is not executable"]);
    expect(words(found)).toContain(`chmod +x ${script}`);
    expect(told(await examined(`sh ${script}`))).toEqual(["ok: can be run"]);
  });

  test("with Windows line endings, or a byte order mark, is told how to lose them", async () => {
    const folder = new Folder();
    const crlf = await examined(folder.file("a.sh", "#!/bin/sh\r\necho\r\n"));
    expect(words(crlf)).toMatch(/CRLF.*line 1[\s\S]*sed -i 's\/\\r\$\/\/'/);
    const mark = await examined(folder.file("b.sh", "\ufeff#!/bin/sh\necho\n"));
    expect(words(mark)).toContain("byte order mark");
  });

  test.for([
    ["#!/opt/nowhere/bash\necho\n", "/opt/nowhere/bash, which is not there", "#!/"],
    ["#!/usr/bin/env fishy\necho\n", "fishy in the PATH, which is not there", "install fishy"],
  ])("whose interpreter is missing: %j", async ([text, found, remedy]) => {
    const script = new Folder().file("h.sh", text as string);
    expect(words(await examined(script))).toContain(found);
    expect(words(await examined(script))).toContain(remedy);
  });

  test.for([
    ["#!/bin/sh\necho a\nif [[ $1 = x ]]; then echo; fi\n", 3],
    ["#!/bin/sh\nwhile read -a values; do echo; done\n", 2],
    ["#!/bin/sh\nlist=(a b)\n", 2],
    ['#!/bin/sh\ncat <<< "$x"\n', 2],
    ["#!/bin/sh\n# [[ in a comment\nawk '[[ x'\ndeclare -A map\n", 4],
  ] as const)("for bash under /bin/sh: %j", async ([text, line]) => {
    const found = await examined(new Folder().file("h.sh", text));
    expect(words(found)).toMatch(new RegExp(`line ${line} is for bash`));
    expect(words(found)).toMatch(/change line 1 of .* to: #!.*bash/);
    const asked = await examined(new Folder().file("h.sh", text.replace("/bin/sh", "/bin/bash")));
    expect(words(asked)).not.toContain("is for bash");
  });

  test("that its shell cannot read is shown with the shell's words", async () => {
    const found = await examined(new Folder().file("h.sh", "#!/bin/sh\nif true; then\necho\n"));
    expect(words(found)).toMatch(/cannot read it: .*(unexpected|fi)/);
  });

  test("that calls a program which is missing, or writes into a folder which is", async () => {
    const folder = new Folder();
    const script = folder.file(
      "h.sh",
      `#!/bin/sh\necho reload | socat - /x\necho x > ${folder.path}/nodes/$1\n`,
    );
    const found = words(await examined(script, "/", folder.folder("empty")));
    expect(found).toContain("line 2 calls socat");
    expect(found).toContain(`mkdir -p ${folder.path}/nodes`);
    folder.folder("nodes");
    folder.file("empty/socat", "#!/bin/sh\n");
    expect(words(await examined(script, "/", `${folder.path}/empty`))).toBe("");
  });

  test("by a relative path counts from where the agent began", async () => {
    const folder = new Folder();
    folder.file("h.sh", "#!/bin/sh\necho\n");
    expect(told(await examined("./h.sh", folder.path))).toEqual(["ok: can be run"]);
    expect(told(await examined("sh h.sh", "/"))[0]).toBe("fail: there is no such file");
    expect(words(await examined("h.sh", folder.path))).toContain(`${folder.path}/h.sh`);
  });
});

const run: HandlerRun = {
  id: 7,
  script: "/h.sh",
  filters: ["*"],
  event: "member-join",
  nodes: ["web1"],
  count: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  tookMillis: 20,
  attempt: 1,
  cause: "event",
  result: "ok",
  failure: null,
  exitStatus: 0,
  output: "",
};
const state: HandlerState = {
  script: "/h.sh",
  filters: ["*"],
  kind: "event",
  retries: false,
  running: null,
  waiting: 0,
  resting: null,
  counts: { runs: 1, failures: 0, timeouts: 0, retries: 0, givenUp: 0 },
  times: { sumMillis: 20, buckets: [] },
  lastRun: run,
  lastSuccessAt: null,
  seen: null,
};
const now = Date.parse("2026-01-01T00:01:00.000Z");
const failed = (fields: Partial<HandlerRun>): HandlerState => ({
  ...state,
  lastRun: { ...run, result: "failed", failure: "exit status 1", exitStatus: 1, ...fields },
});

describe("the runs of a handler", () => {
  test("that ended well are well", () => {
    expect(told(examineRuns(state, now))).toEqual(["ok: 1 runs, the last one ended well"]);
    expect(told(examineRuns({ ...state, lastRun: null }, now))).toEqual([
      "skipped: it has not been run yet",
    ]);
  });

  test.for([
    [
      { failure: "exit status 127", exitStatus: 127, output: "/h.sh: 3: socat: not found\n" },
      ["failed: exit status 127", "was not found", "install socat"],
    ],
    [
      { failure: "exit status 126", exitStatus: 126, output: "sh: /a/b.sh: Permission denied" },
      ["not executable", "ls -l /a/b.sh"],
    ],
    [
      { failure: "exit status 2", exitStatus: 2, output: "Syntax error" },
      ["the shell cannot read it"],
    ],
    [
      { output: "haproxy.sh: no file /etc/x" },
      ["it says: haproxy.sh: no file /etc/x", "handlers rerun"],
    ],
    [{ result: "timed out", tookMillis: 60_000 }, ["longer than handler_timeout"]],
    [{ result: "interrupted" }, ["under way when the agent ended"]],
  ] as const)("that failed: %j", ([fields, expected]) => {
    const text = words(examineRuns(failed(fields), now));
    for (const part of expected) expect(text).toContain(part);
  });

  test("that hang, are slow or were missed are to be looked at", () => {
    const hangs = { ...state, running: { ...run, result: "running" as const, tookMillis: null } };
    expect(words(examineRuns(hangs, now))).toContain("has not ended for 1m");
    const slow = { ...state, times: { sumMillis: 9_000, buckets: [] } };
    expect(words(examineRuns(slow, now))).toContain("9s on average");
    const seen = { present: 1, gone: ["old"], unknown: ["web2"] };
    expect(words(examineRuns({ ...state, seen }, now))).toContain("web2 joined, old is gone");
  });
});
