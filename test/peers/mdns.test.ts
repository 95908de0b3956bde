import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Agent, type AgentOptions, type Kind } from "../support/agents.js";
import { type Host, makeNetwork, missingNamespaces, type Network } from "../support/network.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const skipped = missingPrograms("serf").length > 0 || missingNamespaces() !== undefined;

describe.skipIf(skipped)("members in one local network find each other", () => {
  let network: Network;
  const agents: Agent[] = [];

  beforeAll(async () => {
    network = await makeNetwork();
  });

  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.end()));
  });

  afterAll(() => network?.remove());

  async function start(
    kind: Kind,
    name: string,
    host: Host,
    more: Partial<AgentOptions> = {},
  ): Promise<Agent> {
    const args = ["-discover=my.cluster", ...(more.args ?? [])];
    const agent = await Agent.start({ kind, name, ...host, ...more, args });
    agents.push(agent);
    return agent;
  }

  const sees = (agent: Agent, { name, ip }: Agent): Promise<boolean> =>
    until(`${agent.name} sees ${name}`, () => agent.output.includes(`Join: ${name} ${ip}\n`), {
      last: () => agent.output,
    });

  test.each<[Kind, Kind]>([
    ["serf", "gossipd"],
    ["gossipd", "serf"],
    ["gossipd", "gossipd"],
  ])("%s is found by %s that comes later", async (first, second) => {
    const [here, there] = network.hosts;
    const one = await start(first, "one.of-two", here);
    const other = await start(second, "other", there);
    await sees(other, one);
    await sees(one, other);
    expect(other.output).toMatch(/ {15}mDNS cluster: my\.cluster\n/);
    expect(other.output).toMatch(
      /\[INFO\] agent: joining: \[.*10\.77\.0\.1:7946.*\] replay: false\n/,
    );
    // Serf joins itself as well.
    await until("it says so", () => /\[INFO\] agent\.mdns: Joined [12] hosts\n/.test(other.output));
  });

  test.each(["-mdns-disable-ipv4", "-mdns-disable-ipv6", "-mdns-iface=eth0"])(
    "%s leaves a way to be found and to find",
    async (flag) => {
      const [here, there] = network.hosts;
      const ours = await start("gossipd", "ours", here, { args: [flag] });
      const stock = await start("serf", "stock", there);
      await sees(ours, stock);
      const later = await start(
        "gossipd",
        "later",
        { ...there, ip: "127.0.0.9" },
        {
          args: [flag, "-bind=10.77.0.2:7947"],
        },
      );
      await until("it finds one of them", () => /Joined \d hosts/.test(later.output), {
        last: () => later.output,
      });
    },
  );

  test("a member of another cluster is not found", async () => {
    const [here, there] = network.hosts;
    const other = await start("serf", "other", here, { args: ["-discover=elsewhere"] });
    const ours = await start("gossipd", "ours", there);
    const stock = await start(
      "serf",
      "stock",
      { ...here, ip: "127.0.0.9" },
      {
        args: ["-bind=10.77.0.1:7947"],
      },
    );
    await until("those of one cluster meet", () => ours.output.includes("Join: stock "));
    await until("those of one cluster meet", () => stock.output.includes("Join: ours "));
    expect(ours.output).not.toContain("Join: other ");
    expect(other.output).not.toContain("Join: ours ");
  });
});
