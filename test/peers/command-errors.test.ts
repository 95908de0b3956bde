import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type CliResult, type Kind, loopbackNet, runCli } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";

/** Every command that asks an agent, with arguments that it can do something with. */
const clientCommands: readonly [command: string, ...args: string[]][] = [
  ["event", "deploy"],
  ["force-leave", "nobody"],
  ["info"],
  ["join", "127.0.0.1:1"],
  ["keys", "-list"],
  ["leave"],
  ["members"],
  ["monitor"],
  ["query", "load"],
  ["reachability"],
  ["rtt", "nobody"],
  ["tags", "-set", "a=b"],
];

const withFlags = [...clientCommands.map(([command]) => command), "agent"];

/** Serf's keygen and version look at no flags, and its version has no help; ours do and has. */
const withHelp = [...withFlags, "keygen"];

/**
 * Where something was said, how it began, and how the command ended. The words of usage texts are our
 * own; that there is one, and of which command, has to be the same.
 */
function outcomeOf({ code, stdout, stderr }: CliResult): object {
  return { code, stdout: opening(stdout), stderr: opening(stderr) };
}

function opening(text: string): string {
  const [first = ""] = text.split("\n", 1);
  // Serf's agent prints its usage as it prints errors.
  const usage = /^(?:==> )?Usage: (?:serf|gossipd) ?(\S+)/i.exec(first);
  return usage === null ? first : `usage of ${usage[1]}`;
}

describe.skipIf(missingPrograms("serf").length > 0)("a command that fails", () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-errors-"));
  const agents: Agent[] = [];

  beforeAll(async () => {
    const config = join(folder, "auth.json");
    writeFileSync(config, JSON.stringify({ rpc_auth: "secret" }));
    const args = [`-config-file=${config}`];
    agents.push(
      ...(await Promise.all([
        Agent.start({ kind: "serf", name: "stock", ip: ip(1), args }),
        Agent.start({ kind: "gossipd", name: "ours", ip: ip(2), args }),
      ])),
    );
  });

  afterAll(async () => {
    for (const agent of agents) await agent.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What both programs do with these arguments, ours first. */
  async function both(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<[ours: object, serf: object]> {
    const kinds: readonly Kind[] = ["gossipd", "serf"];
    const [ours, serf] = await Promise.all(
      kinds.map(async (kind) => outcomeOf(await runCli(kind, args, { env }))),
    );
    return [ours as object, serf as object];
  }

  test.concurrent.each([
    [],
    ["-h"],
    ["-help"],
    ["--help"],
    ["nonsense"],
    ["-nonsense"],
    ["Members"],
  ])("%j at top level is answered in Serf's place with Serf's code", async (...args) => {
    const [ours, serf] = await both(args);
    expect(ours).toEqual(serf);
  });

  test.concurrent.each(withHelp)("%s -h shows its help on stderr and exits 0", async (command) => {
    for (const args of [["-h"], ["--help"], ["x", "-help"]]) {
      const [ours, serf] = await both([command, ...args]);
      expect({ args, ours }).toEqual({ args, ours: serf });
      expect(ours).toMatchObject({ code: 0, stdout: "", stderr: `usage of ${command}` });
    }
  });

  test.concurrent.each(withFlags)("%s refuses a flag that there is not", async (command) => {
    const [ours, serf] = await both([command, "-bogus"]);
    expect(ours).toEqual(serf);
  });

  test.concurrent.each([
    [["agent", "-protocol=x"]],
    [["agent", "-replay=maybe"]],
    [["event", "-coalesce=maybe", "x"]],
    [["force-leave", "-prune=maybe", "x"]],
    [["join", "-replay=maybe", "x"]],
    [["keys", "-list=maybe"]],
    [["members", "-detailed=maybe"]],
    [["members", "-name"]],
    [["query", "-timeout=5", "x"]],
    [["query", "-timeout=soon", "x"]],
    [["query", "-relay-factor=x", "x"]],
    [["query", "-no-ack=maybe", "x"]],
    [["reachability", "-verbose=maybe"]],
  ])("%j is refused for its value", async (args) => {
    const [ours, serf] = await both(args);
    expect(ours).toEqual(serf);
    expect(ours).toMatchObject({ code: 1, stdout: `usage of ${args[0]}` });
  });

  test.concurrent.each(clientCommands)("%s names the agent that is not there", async (...args) => {
    const [command = "", ...rest] = args;
    const nowhere = `${ip(3)}:7373`;
    const [ours, serf] = await both([command, `-rpc-addr=${nowhere}`, ...rest]);
    expect(ours).toEqual(serf);
    expect(ours).toMatchObject({ code: 1, stderr: "" });
    const [byEnvironment, serfs] = await both(args, { SERF_RPC_ADDR: ip(3) });
    expect(byEnvironment).toEqual(serfs);
  });

  test.concurrent.each(clientCommands)("%s without the right token says so", async (...args) => {
    const [command = "", ...rest] = args;
    for (const agent of agents) {
      for (const token of [[], ["-rpc-auth=wrong"]]) {
        const [ours, serf] = await both([command, `-rpc-addr=${agent.rpc}`, ...token, ...rest]);
        expect({ agent: agent.name, token, ours }).toEqual({
          agent: agent.name,
          token,
          ours: serf,
        });
        expect(ours).toMatchObject({ code: 1 });
      }
    }
  });

  test("the token comes from the environment as well, and opens the door", async () => {
    for (const { rpc } of agents) {
      const env = { SERF_RPC_ADDR: rpc, SERF_RPC_AUTH: "secret" };
      const [ours, serf] = await both(["members", "-name=nobody"], env);
      expect(ours).toEqual(serf);
      expect(ours).toMatchObject({ code: 0 });
    }
  });
});
