import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type CliResult, type Kind, loopbackNet } from "../support/agents.js";
import { gossipdBin, missingPrograms } from "../support/programs.js";
import { pause, until } from "../support/wait.js";

const kinds: readonly Kind[] = ["serf", "gossipd"];

/** Our order is fixed where Serf's is random: compare what is left of that. */
function unordered(text: string): string[] {
  if (text.startsWith('{\n  "Acks"')) return [queryJson(text)];
  return text
    .replace(/rtt: \d+\.\d{3} ms/, "rtt: some time")
    .replace(/\d+\.\d\d sec/g, "some time")
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

function queryJson(text: string): string {
  const { Acks, Responses } = JSON.parse(text) as { Acks: string[] | null; Responses: object };
  return JSON.stringify({
    Acks: Acks?.sort() ?? Acks,
    Responses: Object.entries(Responses).sort(),
  });
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
    const handler = "-event-handler=query:load=echo hi from $SERF_SELF_NAME";
    const [web, db] = [
      ["-tag=role=web", "-tag=a=1"],
      ["-tag=role=db", "-tag=b=x=y,z"],
    ];
    agents.set("serf", await start("serf", "stock", 1, [...web, handler]));
    agents.set("gossipd", await start("gossipd", "ours", 2, [...db, handler]));
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

  type Agents = ReadonlyMap<Kind, Agent>;

  /** The answers of all pairs of a client and an agent, one after the other. */
  async function all(
    args: readonly string[],
    asked: Agents = agents,
  ): Promise<Map<string, CliResult>> {
    const results = new Map<string, CliResult>();
    for (const client of kinds) {
      for (const [kind, agent] of asked) {
        results.set(`${client} asks ${kind}`, await agent.cli(args, client));
      }
    }
    return results;
  }

  /** As {@link all}, at the same time: for commands that take seconds and change nothing. */
  async function allAtOnce(args: readonly string[]): Promise<Map<string, CliResult>> {
    const pairs = kinds.flatMap((client) => [...agents].map((pair) => [client, ...pair] as const));
    const results = pairs.map(async ([client, kind, agent]) => {
      return [`${client} asks ${kind}`, await agent.cli(args, client)] as const;
    });
    return new Map(await Promise.all(results));
  }

  function expectAllAlike(results: ReadonlyMap<string, CliResult>): CliResult {
    const reference = results.get("serf asks serf") as CliResult;
    for (const [who, { code, stdout, stderr }] of results) {
      expect({ who, code, lines: unordered(stdout), stderr }).toEqual({
        who,
        code: reference.code,
        lines: unordered(reference.stdout),
        stderr: reference.stderr,
      });
    }
    return reference;
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
    expectAllAlike(await all(args));
  });

  const long = "x".repeat(1_100);

  test.each([
    [["event", "deploy"]],
    [["event", "-coalesce=false", "deploy", "v1"]],
    [["event", ""]],
    [["event", "_serf_x"]],
    [["event", "deploy", long]],
    [["query", "-timeout=500ms", "load"]],
    [["query", "-timeout=500ms", "-format=json", "load", "payload"]],
    [["query", "-timeout=500ms", "-no-ack", "load"]],
    [["query", "-timeout=500ms", "-no-ack", "-format=json", "nobody"]],
    [["query", "-timeout=500ms", "-node=ours", "load"]],
    [["query", "-timeout=500ms", "-tag=role=w", "-node=stock", "-node=ours", "load"]],
    [["query", "-timeout=500ms", "-tag=role=^w.b$", "-tag=absent=", "load"]],
    [["query", "-timeout=500ms", "-tag=role=(", "load"]],
    [["query", "-timeout=500ms", "-relay-factor=1", "load"]],
    [["query", "-timeout=500ms", "_serf_ping"]],
    [["query", "-timeout=-1s", "-format=json", "load"]],
    [["query", "_serf_ping", "x"]],
    [["query", "_serf_list-keys"]],
    [["query", "load", long]],
    [["query", "-format=yaml", "load"]],
    [["query", "-relay-factor=256", "load"]],
    [["query", "-tag=nonsense", "load"]],
    [["keys", "-install=MDEyMzQ1Njc4OWFiY2RlRg=="]],
    [["keys", "-list"]],
    [["keys", "-use=bad"]],
    [["keys", "-list", "-use=a"]],
    [["rtt", "nobody"]],
    [["rtt", "stock", "nobody"]],
  ])("%j says the same from all", async (args) => {
    expectAllAlike(await allAtOnce(args));
  });

  test("rtt estimates between the two, from all", async () => {
    await until("coordinates are known", async () => {
      const results = await allAtOnce(["rtt", "stock", "ours"]);
      return [...results.values()].every(({ code }) => code === 0);
    });
    expectAllAlike(await allAtOnce(["rtt", "ours", "stock"]));
    for (const [who, { stdout }] of await allAtOnce(["rtt", "ours"])) {
      const own = who.endsWith("serf") ? "stock" : "ours";
      expect(stdout).toMatch(new RegExp(`^Estimated ours <-> ${own} rtt: \\d+\\.\\d{3} ms\n$`));
    }
  });

  test("reachability takes the default time and finds all, from all", async () => {
    const { code } = expectAllAlike(await allAtOnce(["reachability", "-verbose"]));
    expect(code).toBe(0);
  });

  test.each(kinds)(
    "with -early our client does not wait for the end, at a %s agent",
    async (kind) => {
      const agent = agents.get(kind) as Agent;
      const query = await agent.cli(["query", "-early", "-timeout=1h", "load"], "gossipd");
      expect(query.code).toBe(0);
      expect(query.stdout).toContain("Total Responses: 2\n");
      const tags = ["-tag=role=^d", "-tag=b=y,"];
      const filtered = await agent.cli(
        ["query", "-early", "-timeout=1h", ...tags, "load"],
        "gossipd",
      );
      expect(filtered.stdout).toContain("Response from 'ours': hi from ours\nTotal Acks:");
      const reached = await agent.cli(["reachability", "-early"], "gossipd");
      expect(reached.stdout).toContain("Successfully contacted all live nodes\n");
    },
  );

  test.each(kinds)("an interrupted query of %s is no success", async (client) => {
    for (const agent of agents.values()) {
      const args = ["query", `-rpc-addr=${agent.rpc}`, "-timeout=1h", "load"];
      const { text, child, exited } = follow(client, args);
      await until("a response", () => text().includes("Response"), { last: text });
      child.kill("SIGINT");
      expect(await exited).toBe(1);
      expect(text()).not.toContain("Total");
    }
  });

  test.each([
    [["members", "-bogus"]],
    [["force-leave"]],
    [["force-leave", "a", "b"]],
    [["tags"]],
    [["join"]],
    [["event"]],
    [["event", "a", "b", "c"]],
    [["query"]],
    [["query", "a", "b", "c"]],
    [["query", "-timeout=5", "a"]],
    [["keys"]],
    [["keys", "-use="]],
    [["rtt"]],
    [["rtt", "a", "b", "c"]],
    [["reachability", "-x"]],
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
      const { text, child, exited } = follow(client, args);
      await until("the backlog is shown", () => /^\d{4}\/.* \[INFO\] /m.test(text()));
      // Given time to subscribe: only events from then on are shown.
      await pause(300);
      await agent.cli(["tags", "-set", `seen=${client}`]);
      await until("the event is shown", () => /Event Info:\n\t/.test(text()), { last: text });
      await until("its kind is shown", () => text().includes('"member-update"'), { last: text });
      child.kill("SIGINT");
      expect(await exited).toBe(0);
      expect(text()).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[INFO\] /m);
    },
  );

  test.each(kinds)("monitors show the events of a %s agent alike", async (kind) => {
    const agent = agents.get(kind) as Agent;
    const monitors = kinds.map((client) => follow(client, ["monitor", `-rpc-addr=${agent.rpc}`]));
    for (const { text } of monitors) {
      await until("the backlog is shown", () => /^\d{4}\/.* \[INFO\] /m.test(text()));
    }
    // Given time to subscribe: only events from then on are shown.
    await pause(300);
    const odd = 'ü"\\ \u0001\u200b\u{1f600}';
    await agent.cli(["event", "-coalesce=false", odd, "a\nbé"]);
    await agent.cli(["event", "-coalesce=false", "empty"]);
    await agent.cli(["query", "-timeout=200ms", odd, "payload"]);
    await agent.cli(["tags", "-set", `seen=${odd}`, "-set", `long=${"v".repeat(200)}`]);
    const shown: string[][] = [];
    for (const { text, child, exited } of monitors) {
      await until("the update is shown", () => text().includes("vvv"), { last: text });
      child.kill("SIGINT");
      expect(await exited).toBe(0);
      const infos = [...text().matchAll(/^Event Info:\n((?:\t.*\n)+)/gm)].map(([, lines]) =>
        (lines as string).split("\n").sort().join("\n"),
      );
      // An update of an earlier test may come late, and to one monitor only.
      shown.push(infos.filter((info) => !info.includes('"member-update"') || info.includes("vvv")));
    }
    expect(shown[0]).toHaveLength(4);
    expect(shown[1]).toEqual(shown[0]);
    await agent.cli(["tags", "-delete=seen", "-delete=long"]);
  });

  test("keys are changed and listed alike", async () => {
    const key = (letter: string): string => Buffer.from(letter.repeat(32)).toString("base64");
    const encrypted = new Map<Kind, Agent>();
    const first = [`-encrypt=${key("a")}`];
    encrypted.set("serf", await start("serf", "stock-e", 11, first));
    const join = `-join=${ip(11)}:7946`;
    encrypted.set("gossipd", await start("gossipd", "ours-e", 12, [...first, join]));
    for (const [args, code] of [
      [["-list"], 0],
      [[`-install=${key("b")}`], 0],
      [["-list"], 0],
      [[`-use=${key("b")}`], 0],
      [[`-remove=${key("b")}`], 1],
      [[`-use=${key("c")}`], 1],
      [[`-remove=${key("a")}`], 0],
      [["-list"], 0],
      [["-install=YWJj"], 1],
      [["-install=YWJ"], 1],
    ] as const) {
      const reference = expectAllAlike(await all(["keys", ...args], encrypted));
      expect({ args, code: reference.code }).toEqual({ args, code });
    }
  });

  test("reachability misses a member that is suddenly gone, from all", async () => {
    const gone = await start("serf", "gone", 3, [`-join=${ip(1)}:7946`]);
    await until("all see it", async () => {
      for (const agent of agents.values()) {
        if ((await agent.statuses()).gone !== "alive") return false;
      }
      return true;
    });
    gone.signal("SIGKILL");
    await gone.exited;
    for (const [who, { code, stdout }] of await allAtOnce(["reachability"])) {
      // The advice after that is in our own words.
      expect({ who, code, lines: stdout.split("\n").slice(0, 4) }).toEqual({
        who,
        code: 1,
        lines: [
          "Total members: 3, live members: 3",
          "Starting reachability test...",
          "Received less acks than live nodes! Missing acks from:",
          "\tgone",
        ],
      });
    }
  });

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

/** A client command that goes on until it is told to stop. */
function follow(client: Kind, args: readonly string[]) {
  const child =
    client === "serf" ? spawn("serf", args) : spawn(process.execPath, [gossipdBin, ...args]);
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    shown += part;
  });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, exited, text: () => shown };
}
