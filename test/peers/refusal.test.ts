import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow, type Kind, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

describe.skipIf(missingPrograms("serf").length > 0)("three Serf agents and four of ours", () => {
  const ip = loopbackNet();
  const agents = new Map<string, Agent>();
  let host = 1;

  async function start(kind: Kind, name: string, args: readonly string[] = []): Promise<void> {
    agents.set(name, await Agent.start({ kind, name, ip: ip(host++), args }));
  }

  const show = (expected: Record<string, string>): Promise<void> =>
    allShow(agents.values(), expected);

  async function kill(name: string): Promise<void> {
    const agent = agents.get(name) as Agent;
    agents.delete(name);
    await agent.end();
  }

  /** Those that declared the member failed because its host refuses connections. */
  const declarers = (name: string): string[] =>
    [...agents.values()]
      .filter(({ output }) => output.includes(`Marking ${name} as failed, connection refused`))
      .map((agent) => agent.name);

  beforeAll(async () => {
    await start("gossipd", "g1");
    const join = [`-join=${agents.get("g1")?.gossip ?? ""}`];
    for (const name of ["s1", "g2", "s2", "g3", "s3"]) {
      await start(name.startsWith("s") ? "serf" : "gossipd", name, join);
    }
    await start("gossipd", "g4", [...join, "-disable-refusal-detection"]);
    await show({ g1: "alive", g2: "alive", g3: "alive", g4: "alive", s1: "alive", s3: "alive" });
  });

  afterAll(async () => {
    for (const agent of agents.values()) await agent.end();
  });

  test.for(["s3", "g3"])(
    "ours declare %s failed because it refuses, and Serf's show it as failed",
    async (name) => {
      await kill(name);
      await show({ [name]: "failed" });
      expect(declarers(name).length).toBeGreaterThan(0);
      for (const declarer of declarers(name)) expect(["g1", "g2", "g3"]).toContain(declarer);
      for (const agent of agents.values()) {
        expect(agent.output).toContain(`EventMemberFailed: ${name}`);
      }
    },
  );

  test("one of ours that only stands still gets the whole patience", async () => {
    const stopped = agents.get("g2") as Agent;
    stopped.signal("SIGSTOP");
    try {
      await until("somebody suspects it", () =>
        [...agents.values()].some(({ output }) =>
          output.includes("Suspect g2 has failed, no acks received"),
        ),
      );
    } finally {
      stopped.signal("SIGCONT");
    }
    await show({ g2: "alive" });
    expect(declarers("g2")).toEqual([]);
  });
});
