import { describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/main.js";
import { registry } from "../../src/cli/registry.js";
import { FakeTerminal } from "./fake-terminal.js";

async function completion(args: readonly string[], program = "gossipd") {
  const terminal = new FakeTerminal({}, program);
  const code = await runProgram(["completion", ...args], terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

describe.for(["bash", "zsh", "fish"])("the script for %s", (shell) => {
  test("has every command and every flag of each, inner commands too", async () => {
    const { code, stdout } = await completion([shell]);
    expect(code).toBe(0);
    for (const entry of registry) {
      expect(stdout).toContain(entry.name);
      const command = await entry.load();
      const all = [command, ...(command.subcommands ?? []).map((one) => one.command)];
      for (const { flag } of all.flatMap(({ options }) => options)) {
        expect(stdout).toMatch(new RegExp(`[ '*]-(o )?${flag}[ '=[]`));
      }
    }
  });

  test("has the values of flags that take a few words", async () => {
    const { stdout } = await completion([shell]);
    for (const words of ["lan wan local", "text json", "bash zsh fish", "trace debug info"]) {
      expect(stdout).toContain(words);
    }
  });

  test("calls the program as it was called", async () => {
    const { stdout } = await completion([shell], "serf");
    expect(stdout).toMatch(/_serf/);
    expect(stdout).not.toContain("gossipd");
  });
});

test("no value of a secret or a free text is invented", async () => {
  const { stdout } = await completion(["bash"]);
  expect(stdout).not.toMatch(/agent:-(encrypt|node)'\)|:-rpc-auth'\)/);
});

test.for([
  [[], /^Say bash, zsh or fish\.\n\nUsage: gossipd completion bash\|zsh\|fish\n/],
  [["tcsh"], /^There is no completion for "tcsh", but for bash, zsh and fish\.\n$/],
  [["__proto__"], /^There is no completion for "__proto__"/],
] as const)("completion %j is refused", async ([args, text]) => {
  const { code, stdout } = await completion(args);
  expect(code).toBe(1);
  expect(stdout).toMatch(text);
});

test("the help says how to enable it", async () => {
  const { stderr } = await completion(["-h"]);
  for (const line of [
    "source <(gossipd completion bash)",
    "source <(gossipd completion zsh)",
    "gossipd completion fish | source",
  ]) {
    expect(stderr).toContain(line);
  }
});
