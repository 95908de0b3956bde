import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RpcClient } from "../../src/rpc/client.js";
import { Agent, type CliResult, type Kind, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const [oldKey, newKey, thirdKey] = [1, 2, 3].map((fill) =>
  Buffer.alloc(32, fill).toString("base64"),
);

interface Answers {
  readonly Acks: readonly string[] | null;
  readonly Responses: Readonly<Record<string, string>>;
}

/** Every member with a keyring file of its own, all in one folder. */
class Cluster {
  readonly agents: Agent[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "gossipd-keys-"));
  readonly #ip = loopbackNet();

  async start(kind: Kind, name: string, args: readonly string[] = []): Promise<Agent> {
    const [seed] = this.agents;
    const agent = await Agent.start({
      kind,
      name,
      ip: this.#ip(this.agents.length + 1),
      args: [`-tag=kind=${kind}`, ...args, ...(seed === undefined ? [] : [`-join=${seed.gossip}`])],
    });
    this.agents.push(agent);
    return agent;
  }

  startWithKeys(kind: Kind, name: string, keys: readonly (string | undefined)[]): Promise<Agent> {
    writeFileSync(this.keyringFile(name), JSON.stringify(keys), { mode: 0o640 });
    return this.start(kind, name, [
      `-keyring-file=${this.keyringFile(name)}`,
      `-event-handler=query:load=echo "$SERF_SELF_NAME has $(cat)"`,
    ]);
  }

  keyringFile(name: string): string {
    return join(this.folder, `${name}.json`);
  }

  /** The text of every keyring file. */
  get files(): Record<string, string> {
    return Object.fromEntries(
      this.agents.map(({ name }) => [name, readFileSync(this.keyringFile(name), "utf8")]),
    );
  }

  async allAlive(): Promise<void> {
    const names = this.agents.map(({ name }) => name).toSorted();
    const expected = Object.fromEntries(names.map((name) => [name, "alive"]));
    for (const agent of this.agents) {
      let seen: unknown;
      await until(
        `${agent.name} sees all`,
        async () => {
          seen = await agent.statuses();
          return JSON.stringify(seen) === JSON.stringify(expected);
        },
        { timeout: 45_000, every: 200, last: () => seen },
      );
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.end()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What `agent` is told when it asks; the client is Serf's own, whichever agent it talks to. */
async function ask(agent: Agent, ...args: string[]): Promise<Answers> {
  const { code, stdout } = await agent.cli(["query", "-format=json", ...args], "serf");
  expect([code, stdout]).toEqual([0, expect.stringContaining("Responses")]);
  return JSON.parse(stdout) as Answers;
}

/**
 * Asks until everybody in `names` has acked and responded: in a group this small a broadcast is sent
 * so few times that now and then somebody gets no copy, of Serf's too.
 */
async function askAll(agent: Agent, names: readonly string[], ...args: string[]): Promise<Answers> {
  let answers: Answers = { Acks: null, Responses: {} };
  await until(
    `${names.join(" ")} answer ${agent.name}`,
    async () => {
      answers = await ask(agent, ...args);
      return Object.keys(answers.Responses).length >= names.length;
    },
    { timeout: 60_000, every: 50, last: () => answers },
  );
  return answers;
}

/** Repeats a key operation until all have done it, for the same reason. */
async function keys(agent: Agent, ...args: string[]): Promise<CliResult> {
  let result: CliResult = { code: null, stdout: "", stderr: "" };
  await until(
    `keys ${args.join(" ")} by ${agent.name}`,
    async () => {
      result = await agent.cli(["keys", ...args], "serf");
      return result.code === 0;
    },
    { timeout: 60_000, every: 50, last: () => result },
  );
  return result;
}

const mixtures: { mixture: string; kinds: Kind[] }[] = [
  { mixture: "two Serf agents and one of ours", kinds: ["gossipd", "serf", "serf"] },
  { mixture: "one Serf agent and two of ours", kinds: ["serf", "gossipd", "gossipd"] },
];

describe.skipIf(missingPrograms("serf").length > 0).each(mixtures)(
  "$mixture, encrypted",
  ({ kinds }) => {
    let cluster: Cluster;
    const names = kinds.map((kind, index) => `${kind}-${index}`);
    const load = Object.fromEntries(names.map((name) => [name, `${name} has now\n`]));

    /** One agent of each kind. */
    const askers = (): Agent[] =>
      (["gossipd", "serf"] as const).map(
        (kind) => cluster.agents.find((agent) => agent.kind === kind) as Agent,
      );

    beforeAll(async () => {
      cluster = new Cluster();
      for (const [index, kind] of kinds.entries()) {
        await cluster.startWithKeys(kind, names[index] as string, [oldKey]);
      }
      await cluster.allAlive();
    });

    afterAll(() => cluster.end());

    test("a query from either kind is acked and answered by all", async () => {
      for (const agent of askers()) {
        const { Acks, Responses } = await askAll(agent, names, "load", "now");
        expect(Acks?.toSorted()).toEqual(names.toSorted());
        expect(Responses).toEqual(load);
      }
    });

    test("filters by name and tag hold for both kinds, and no acks are no acks", async () => {
      for (const agent of askers()) {
        const other = names[2] as string;
        const byName = await askAll(agent, [other], `-node=${other}`, "load", "now");
        expect(byName).toEqual({ Acks: [other], Responses: { [other]: load[other] } });
        const ours = names.filter((name) => name.startsWith("gossipd"));
        const byTag = await askAll(agent, ours, "-tag=kind=^goss", "-no-ack", "load", "now");
        expect(byTag.Acks).toBeNull();
        expect(Object.keys(byTag.Responses).toSorted()).toEqual(ours);
        const nobody = await ask(agent, "-tag=kind=^neither$", "-timeout=500ms", "load", "now");
        expect(nobody).toEqual({ Acks: null, Responses: {} });
      }
    });

    test("relayed answers count once", async () => {
      for (const agent of askers()) {
        const { Acks, Responses } = await askAll(agent, names, "-relay-factor=2", "load", "now");
        expect(Acks?.toSorted()).toEqual(names.toSorted());
        expect(Responses).toEqual(load);
      }
    });

    test("a ping reaches all, other names of Serf's own are refused", async () => {
      for (const agent of askers()) {
        await until(`all ack a ping of ${agent.name}`, async () => {
          const { code, stdout } = await agent.cli(["reachability"], "serf");
          return code === 0 && stdout.includes("Successfully contacted all live nodes");
        });
        const { code, stdout } = await agent.cli(["query", "_serf_conflict", "x"], "serf");
        expect([code, stdout.trim()]).toEqual([
          1,
          "Error sending query: Queries cannot contain the '_serf_' prefix",
        ]);
      }
    });

    test("keys are rotated from either side, and every file is rewritten", async () => {
      const rotations = [
        { from: oldKey, to: newKey },
        { from: newKey, to: thirdKey },
      ];
      for (const [index, agent] of askers().entries()) {
        const { from, to } = rotations[index] as (typeof rotations)[number];
        const allHold = (...held: (string | undefined)[]): void => {
          const file = JSON.stringify(held, undefined, 2);
          expect(cluster.files).toEqual(Object.fromEntries(names.map((name) => [name, file])));
        };
        await keys(agent, `-install=${to}`);
        allHold(from, to);
        await keys(agent, `-use=${to}`);
        allHold(to, from);
        await keys(agent, `-remove=${from}`);
        allHold(to);
        const { stdout } = await keys(agent, "-list");
        expect(stdout).toContain(`${to}  [3/3]`);
        expect(stdout).not.toContain(from);
        expect(await askAll(agent, names, "load", "now")).toMatchObject({ Responses: load });
        await cluster.allAlive();
      }
      for (const name of names)
        expect(statSync(cluster.keyringFile(name)).mode & 0o777).toBe(0o640);
    });

    test("what cannot be done is refused by all in the same words", async () => {
      for (const agent of askers()) {
        for (const { option, words, failed } of [
          {
            option: `-use=${oldKey}`,
            words: "Requested key is not in the keyring",
            failed: "Error changing primary key: 3/3 nodes reported failure",
          },
          {
            option: `-remove=${thirdKey}`,
            words: "Removing the primary key is not allowed",
            failed: "Error removing key: 3/3 nodes reported failure",
          },
        ]) {
          let stdout = "";
          await until(`${option} is refused by all`, async () => {
            const result = await agent.cli(["keys", option], "serf");
            expect(result.code).toBe(1);
            stdout = result.stdout;
            return stdout.includes(failed);
          });
          for (const name of names) expect(stdout).toMatch(new RegExp(`${name}\\s+${words}`));
        }
      }
    });

    test("what was saved is what an agent starts with again", async () => {
      const [agent] = cluster.agents.filter(({ kind }) => kind === "gossipd");
      if (agent === undefined) throw new Error("there is one of ours");
      agent.signal("SIGINT");
      await agent.exited;
      cluster.agents.splice(cluster.agents.indexOf(agent), 1);
      const again = await Agent.start({
        kind: "gossipd",
        name: agent.name,
        ip: agent.ip,
        args: [
          `-keyring-file=${cluster.keyringFile(agent.name)}`,
          `-join=${(cluster.agents[0] as Agent).gossip}`,
        ],
      });
      cluster.agents.push(again);
      await cluster.allAlive();
    });
  },
);

describe.skipIf(missingPrograms("serf").length > 0)("an agent of each kind", () => {
  const clusters: Cluster[] = [];
  const pairOf = async (
    begin: (cluster: Cluster, kind: Kind) => Promise<Agent>,
  ): Promise<Agent[]> => {
    const cluster = new Cluster();
    clusters.push(cluster);
    for (const kind of ["serf", "gossipd"] as const) await begin(cluster, kind);
    await cluster.allAlive();
    return cluster.agents;
  };

  afterAll(async () => {
    await Promise.all(clusters.map((cluster) => cluster.end()));
  });

  test("without encryption, both refuse key operations alike", async () => {
    const agents = await pairOf((cluster, kind) => cluster.start(kind, kind));
    for (const agent of agents) {
      for (const { option, words } of [
        {
          option: `-install=${oldKey}`,
          words: "No keyring to modify (encryption not enabled)",
        },
        { option: "-list", words: "Keyring is empty (encryption not enabled)" },
      ]) {
        await until(`both refuse ${option}`, async () => {
          const { stdout } = await agent.cli(["keys", option], "serf");
          const lines = stdout.split("\n").filter((line) => line.includes(words));
          return lines.length === 2 && stdout.includes("2/2 nodes reported failure");
        });
      }
    }
  });

  test("with 50 keys each, both show as many of them as the other", async () => {
    const ring = Array.from({ length: 50 }, (_, fill) => Buffer.alloc(16, fill).toString("base64"));
    // Names of one length, for that counts against the room in a response.
    const agents = await pairOf((cluster, kind) =>
      cluster.startWithKeys(kind, kind === "serf" ? "stock-1" : "gossipd", ring),
    );
    for (const agent of agents) {
      const client = await RpcClient.connect({ host: agent.ip, port: 7_373, authKey: "" });
      let messages: ReadonlyMap<string, string> = new Map();
      await until("both answer", async () => {
        ({ messages } = await client.listKeys());
        return messages.size === 2;
      });
      const [one, other] = [...messages.values()];
      expect(one).toMatch(/^truncated key list response, showing first \d\d of 50 keys$/);
      expect(one).toBe(other);
      client.close();
    }
  });
});
