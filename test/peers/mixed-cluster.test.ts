import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow, type Kind, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const key = "MDEyMzQ1Njc4OWFiY2RlZg==";

const variants = [
  { variant: "plain", args: [] },
  { variant: "encrypted", args: [`-encrypt=${key}`] },
  { variant: "without compression", args: ["-disable-compression"] },
];

/** All that an agent of either kind may warn of when others leave, are killed and come back. */
const expectedWarnings = [
  /connection refused|no acks received|i\/o timeout|EOF|connection reset/i,
  /Refuting a (suspect|dead|alive) message/,
  /Serf shutdown detected, quitting/,
];

describe.skipIf(missingPrograms("serf").length > 0).each(variants)(
  "three Serf agents and three of ours, $variant",
  ({ args }) => {
    const ip = loopbackNet();
    const agents = new Map<string, Agent>();
    const everyStarted: Agent[] = [];
    let host = 1;

    async function start(kind: Kind, name: string, more: string[] = []): Promise<Agent> {
      const agent = await Agent.start({
        kind,
        name,
        ip: ip(host++),
        args: [...args, `-tag=kind=${kind}`, ...more],
      });
      agents.set(name, agent);
      everyStarted.push(agent);
      return agent;
    }

    const named = (name: string): Agent => agents.get(name) as Agent;

    /**
     * Waits until all agents in `views` show `expected`, each by its own program. In a group this
     * small a broadcast is sent so few times that now and then somebody gets no copy (of Serf's too);
     * the full exchange, twice a minute from each, mends that, so the time for it is allowed.
     */
    const allSee = (
      expected: Record<string, string>,
      views: Iterable<Agent> = agents.values(),
      timeout?: number,
    ): Promise<void> => allShow(views, expected, timeout);

    /** Starts an agent again under the name and at the address of one that is gone. */
    async function restart(name: string): Promise<void> {
      const { ip: address, kind } = everyStarted.find((agent) => agent.name === name) as Agent;
      const tags = [`-tag=kind=${kind}`, `-join=${named("s1").gossip}`];
      const agent = await Agent.start({ kind, name, ip: address, args: [...args, ...tags] });
      agents.set(name, agent);
      everyStarted.push(agent);
    }

    async function kill(name: string): Promise<void> {
      named(name).signal("SIGKILL");
      await named(name).exited;
      agents.delete(name);
    }

    const six = ["g1", "g2", "g3", "s1", "s2", "s3"];
    const allAlive = Object.fromEntries(six.map((name) => [name, "alive"]));

    beforeAll(async () => {
      const seed = await start("serf", "s1", ["-tag=role=seed"]);
      for (const name of ["g1", "s2", "g2", "s3", "g3"]) {
        // Ours join through Serf and Serf joins through ours, where that is possible.
        const through = name === "s2" || name === "s3" ? named("g1") : seed;
        await start(name.startsWith("s") ? "serf" : "gossipd", name, [
          `-join=${through.gossip}`,
          `-tag=number=${name.slice(1)}`,
        ]);
      }
    });

    afterAll(async () => {
      for (const agent of everyStarted) await agent.end();
    });

    test("every agent's own command shows the same six members", async () => {
      await allSee(allAlive);
      const views = [];
      for (const agent of agents.values()) views.push(await agent.members());
      const [first] = views;
      expect(first?.map(({ name }) => name)).toEqual(six);
      for (const view of views) expect(view).toEqual(first);
      for (const member of first ?? []) {
        expect(member.tags.kind).toBe(member.name.startsWith("s") ? "serf" : "gossipd");
        expect(member.protocol).toEqual({ max: 5, min: 2, version: 5 });
      }
    });

    test("a tag set on either side reaches all", async () => {
      for (const name of ["g1", "s2"]) {
        const set = await named(name).cli(["tags", "-set", `colour=${name}-blue`]);
        expect(set.stdout).toBe("Successfully updated agent tags\n");
        for (const agent of agents.values()) {
          await until(`${agent.name} sees the tag of ${name}`, async () =>
            (await agent.members()).some(
              (member) => member.name === name && member.tags.colour === `${name}-blue`,
            ),
          );
        }
      }
    });

    test("a graceful leave on either side is seen as left by all", async () => {
      for (const name of ["s2", "g2"]) {
        const leaver = named(name);
        const leave = await leaver.cli(["leave"]);
        expect(leave.stdout).toContain("Graceful leave complete");
        expect(await leaver.exited).toBe(0);
        agents.delete(name);
        await allSee({ [name]: "left" });
      }
    });

    test("those that left come back under their names", async () => {
      for (const name of ["s2", "g2"]) await restart(name);
      await allSee(allAlive);
    });

    test("a killed agent on either side is seen as failed by all", async () => {
      for (const name of ["s3", "g3"]) await kill(name);
      await allSee({ s3: "failed", g3: "failed" });
    });

    test("those that were killed come back", async () => {
      for (const name of ["s3", "g3"]) await restart(name);
      await allSee(allAlive);
    });

    test("force-leave crosses over in both directions", async () => {
      for (const name of ["s3", "g3"]) await kill(name);
      await allSee({ s3: "failed", g3: "failed" });
      // Each side removes a failed member of the other's kind.
      for (const [by, gone] of [
        ["g1", "s3"],
        ["s1", "g3"],
      ] as const) {
        const result = await named(by).cli(["force-leave", gone]);
        expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
      }
      await allSee({ s3: "left", g3: "left" });
      for (const agent of agents.values()) {
        let asked = 0;
        await until(
          `${agent.name} forgets s3`,
          async () => {
            if ((await agent.statuses()).s3 === undefined) return true;
            // Only gossip tells of this, no full exchange: who got no copy needs to be told again.
            if (asked++ % 20 === 0) await named("g2").cli(["force-leave", "-prune", "s3"]);
            return false;
          },
          { timeout: 60_000, every: 200 },
        );
      }
    });

    test("nobody complained about anybody's packets", () => {
      for (const agent of everyStarted) {
        const lines = agent.output
          .split("\n")
          .filter((line) => /\[(WARN|ERR)\]/.test(line))
          .filter((line) => !expectedWarnings.some((expected) => expected.test(line)));
        expect({ agent: agent.name, lines }).toEqual({ agent: agent.name, lines: [] });
      }
    });
  },
);
