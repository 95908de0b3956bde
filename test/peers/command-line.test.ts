import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type CliResult, type Kind, loopbackNet } from "../support/agents.js";
import { gossipdBin, missingPrograms } from "../support/programs.js";
import { pause, until } from "../support/wait.js";

const kinds: readonly Kind[] = ["serf", "gossipd"];

/** Our order is fixed where Serf's is random: compare what is left of that. */
function unordered(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const cells = line.trimEnd().split(/ {2,}/);
      const tags = cells[3];
      if (tags?.includes("=")) cells[3] = tags.split(",").sort().join(",");
      return cells.join("  ");
    })
    .sort();
}

describe.skipIf(missingPrograms("serf").length > 0)("the command line, ours and Serf's", () => {
  const ip = loopbackNet();
  const agents = new Map<Kind, Agent>();
  const started: Agent[] = [];

  const start = async (kind: Kind, name: string, host: number, args: string[]): Promise<Agent> => {
    const agent = await Agent.start({ kind, name, ip: ip(host), args });
    started.push(agent);
    return agent;
  };

  beforeAll(async () => {
    agents.set("serf", await start("serf", "stock", 1, ["-tag=role=web", "-tag=a=1"]));
    agents.set("gossipd", await start("gossipd", "ours", 2, ["-tag=role=db", "-tag=b=x=y,z"]));
    const joined = await (agents.get("gossipd") as Agent).cli(["join", `${ip(1)}:7946`]);
    expect(joined.stdout).toBe("Successfully joined cluster by contacting 1 nodes.\n");
    await until("both see both", async () => {
      for (const agent of agents.values()) {
        if (Object.values(await agent.statuses()).join() !== "alive,alive") return false;
      }
      return true;
    });
  });

  afterAll(async () => {
    for (const agent of started) await agent.end();
  });

  /** The answers of all pairs of a client and an agent. */
  async function all(args: readonly string[]): Promise<Map<string, CliResult>> {
    const results = new Map<string, CliResult>();
    for (const client of kinds) {
      for (const [kind, agent] of agents) {
        results.set(`${client} asks ${kind}`, await agent.cli(args, client));
      }
    }
    return results;
  }

  test.each([
    [["members"]],
    [["members", "-detailed"]],
    [["members", "-status", "alive"]],
    [["members", "-status=failed"]],
    [["members", "-name", "o.*"]],
    [["members", "-tag", "role=w.b", "-tag", "a=.*"]],
    [["members", "-tag", "role=stock|db"]],
    [["members", "-role=db"]],
    [["members", "-format=json", "-name=ours"]],
    [["members", "-format", "json", "-status", "nothing"]],
    [["members", "-format=yaml"]],
    [["members", "-tag", "nonsense"]],
    [["members", "-detailed=false"]],
    [["tags", "-set", "new=1"]],
    [["tags", "-set", "new=2=3", "-delete", "absent"]],
    [["tags", "-delete", "new"]],
    [["tags", "-set", "noequals"]],
    [["force-leave", "nobody"]],
    [["force-leave", "-prune", "nobody"]],
    [["join", "-replay", ip(1), ip(2)]],
    [["join", `${ip(250)}:7946`]],
  ])("%j says the same", async (args) => {
    const results = await all(args);
    const reference = results.get("serf asks serf") as CliResult;
    for (const [who, { code, stdout }] of results) {
      expect({ who, code, lines: unordered(stdout) }).toEqual({
        who,
        code: reference.code,
        lines: unordered(reference.stdout),
      });
    }
  });

  test.each([
    [["members", "-bogus"]],
    [["force-leave"]],
    [["force-leave", "a", "b"]],
    [["tags"]],
    [["join"]],
  ])("%j fails alike", async (args) => {
    const outcomes = new Set<string>();
    for (const { code, stdout, stderr } of (await all(args)).values()) {
      const [first] = stdout.split("\n");
      // Usage texts are in our own words; their place and the exit code are Serf's.
      const usage = first?.startsWith("Usage:") ? "usage" : first;
      outcomes.add(JSON.stringify({ code, first: usage, complains: stderr !== "" }));
    }
    expect([...outcomes]).toHaveLength(1);
  });

  test("info has the sections and keys of Serf's", async () => {
    const shapes = [];
    for (const [who, { code, stdout }] of await all(["info", "-format=json"])) {
      const info = JSON.parse(stdout) as Record<string, Record<string, string>>;
      const keys = Object.entries(info)
        .filter(([section]) => section !== "tags")
        .map(([section, values]) => `${section}: ${Object.keys(values).sort().join(" ")}`);
      shapes.push({ who, code, keys: keys.sort() });
    }
    const [first] = shapes;
    for (const shape of shapes) expect(shape).toEqual({ ...first, who: shape.who });
  });

  test("info prints sections and indented keys", async () => {
    for (const [who, { stdout }] of await all(["info"])) {
      const lines = stdout.trimEnd().split("\n");
      expect({ who, head: lines[0] }).toEqual({ who, head: "agent:" });
      expect(lines.every((line) => /^(\S+:|\t\S.* = .*)$/.test(line))).toBe(true);
    }
  });

  test.each(kinds)("an agent that is not there is named, by %s", async (client) => {
    const [stock] = agents.values();
    const nowhere = `${ip(251)}:7373`;
    const { code, stdout } = await (stock as Agent).cli(
      ["members", `-rpc-addr=${nowhere}`],
      client,
    );
    expect(code).toBe(1);
    expect(stdout).toBe(
      `Error connecting to Serf agent: dial tcp ${nowhere}: connect: connection refused\n`,
    );
  });

  test.each(kinds.flatMap((client) => kinds.map((kind) => [client, kind] as const)))(
    "monitor of %s follows the log and events of a %s agent",
    async (client, kind) => {
      const agent = agents.get(kind) as Agent;
      const args = ["monitor", `-rpc-addr=${agent.rpc}`, "-log-level=debug"];
      const child =
        client === "serf" ? spawn("serf", args) : spawn(process.execPath, [gossipdBin, ...args]);
      let text = "";
      child.stdout.on("data", (part: Buffer) => {
        text += part.toString();
      });
      const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
      await until("the backlog is shown", () => /\[INFO\] serf: EventMemberJoin/.test(text));
      // Given time to subscribe: only events from then on are shown.
      await pause(300);
      await agent.cli(["tags", "-set", `seen=${client}`]);
      await until("the event is shown", () => /Event Info:\n\t/.test(text), { last: () => text });
      await until("its kind is shown", () => text.includes('"member-update"'), {
        last: () => text,
      });
      child.kill("SIGINT");
      expect(await exited).toBe(0);
      expect(text).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[INFO\] /m);
    },
  );

  test("leave crosses over: each client stops the other's agent", async () => {
    for (const [client, kind] of [
      ["serf", "gossipd"],
      ["gossipd", "serf"],
    ] as const) {
      const agent = agents.get(kind) as Agent;
      const { code, stdout } = await agent.cli(["leave"], client);
      expect({ client, code, stdout }).toEqual({
        client,
        code: 0,
        stdout: "Graceful leave complete\n",
      });
      expect(await agent.exited).toBe(0);
    }
  });
});
