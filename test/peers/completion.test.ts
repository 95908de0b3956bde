import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, loopbackNet, runCli } from "../support/agents.js";
import { gossipdBin, missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const run = promisify(execFile);
const support = join(import.meta.dirname, "../support");

type Shell = "bash" | "zsh" | "fish";

describe.for<Shell>(["bash", "zsh", "fish"])("%s", (shell) => {
  const missing = missingPrograms(shell).length > 0;
  let folder = "";
  const environment: Record<string, string> = {};

  beforeAll(async () => {
    if (missing) return;
    folder = mkdtempSync(join(tmpdir(), "gossipd-test-"));
    const { stdout } = await runCli("gossipd", ["completion", shell]);
    writeFileSync(join(folder, "script"), stdout);
    mkdirSync(join(folder, "bin"));
    mkdirSync(join(folder, "files"));
    for (const name of ["one.json", "two.json"]) writeFileSync(join(folder, "files", name), "{}");
    const program = join(folder, "bin/gossipd");
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${gossipdBin}" "$@"\n`);
    chmodSync(program, 0o755);
    const path = `${join(folder, "bin")}:${process.env.PATH}`;
    // Nothing answers there: what asks an agent has to be silent about it.
    Object.assign(environment, process.env, { HOME: folder, PATH: path, TERM: "xterm" });
    environment.SERF_RPC_ADDR = "127.0.0.1:1";
  });

  afterAll(() => {
    if (folder !== "") rmSync(folder, { recursive: true });
  });

  /** What the shell offers at the end of `line`, sorted; `FILES` in it is a folder. */
  async function offered(line: string, env: Record<string, string> = {}): Promise<string[]> {
    const files = join(folder, "files");
    const typed = line.replace("FILES", files);
    const [program, ...args] = invocation(shell, typed);
    const { stdout, stderr } = await run(program as string, args, {
      cwd: folder,
      env: { ...environment, ...env },
      timeout: 60_000,
    });
    expect(stderr).toBe("");
    return stdout
      .split("\n")
      .map((text) => text.replace(/\t.*/, ""))
      .filter((text) => text !== "")
      .map((text) => text.replace(`${files}/`, "").replace(/^-[a-z-]+=/, ""))
      .sort();
  }

  function invocation(kind: Shell, line: string): string[] {
    const script = join(folder, "script");
    switch (kind) {
      case "bash":
        return ["bash", "--norc", join(support, "complete.bash"), script, line];
      case "zsh":
        return ["zsh", "-f", join(support, "complete.zsh"), script, line, join(folder, "setup")];
      case "fish":
        return ["fish", "-N", "-c", 'source $argv[1]; complete -C "$argv[2]"', script, line];
    }
  }

  test.skipIf(missing).for<[line: string, offers: readonly string[]]>([
    ["gossipd mem", ["members"]],
    ["gossipd k", ["keygen", "keys"]],
    ["gossipd members -f", ["-format"]],
    ["gossipd members -format ", ["csv", "env", "hosts", "json", "template", "text"]],
    ["gossipd members -format=j", ["json"]],
    ["gossipd members -detailed -format t", ["template", "text"]],
    ["gossipd members -name x -st", ["-status"]],
    ["gossipd members -name ", []],
    ["gossipd agent -profile ", ["lan", "local", "wan"]],
    ["gossipd agent -replay -pro", ["-profile", "-protocol"]],
    ["gossipd agent -log-level=", ["debug", "err", "info", "trace", "warn"]],
    ["gossipd agent -config-file FILES/", ["one.json", "two.json"]],
    ["gossipd agent -tag a=b -node n -prof", ["-profile"]],
    ["gossipd config ", ["check", "show"]],
    ["gossipd config show -prof", ["-profile"]],
    ["gossipd config show -format ", ["json", "text"]],
    ["gossipd config check -profile w", ["wan"]],
    ["gossipd completion ", ["bash", "fish", "zsh"]],
    ["gossipd tags -set ", []],
    ["gossipd force-leave ", []],
    ["gossipd nonsense ", []],
  ])("completes '%s'", async ([line, offers]) => {
    expect(await offered(line)).toEqual(offers);
  });

  test.skipIf(missing)("completes the members of the agent that is asked", async () => {
    const ip = loopbackNet();
    const agent = await Agent.start({ kind: "gossipd", name: "web-1", ip: ip(1) });
    const other = await Agent.start({ kind: "gossipd", name: "db 1", ip: ip(2) });
    try {
      await agent.cli(["join", ip(2)]);
      await until("both are members", async () => (await agent.members()).length === 2);
      // A name that would have to be quoted is left out.
      expect(await offered("gossipd force-leave ", { SERF_RPC_ADDR: agent.rpc })).toEqual([
        "web-1",
      ]);
      for (const line of [
        "gossipd force-leave -prune we",
        "gossipd rtt w",
        "gossipd query -node=",
      ]) {
        expect(await offered(line, { SERF_RPC_ADDR: agent.rpc })).toEqual(["web-1"]);
      }
    } finally {
      await Promise.all([agent.end(), other.end()]);
    }
  });
});
