import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { runCli } from "../support/agents.js";
import { until } from "../support/wait.js";
import { agentTest, freshIp, runAgent, untilPrinted } from "./agent-process.js";

vi.setConfig({ testTimeout: 60_000 });

/** A proxy that is no program: a file between two markers, and a command that says yes. */
const test = agentTest.extend<{ site: Site }>({
  site: async ({ directory }, use) => {
    const config = join(directory, "proxy.cfg");
    const file = join(directory, "agent.json");
    writeFileSync(config, "first\n# gossipd begin\n# gossipd end\nlast\n");
    const section = (changes: object = {}) => ({
      state_dir: join(directory, "state"),
      settle_time: "50ms",
      settle_limit: "100ms",
      balancers: [
        {
          name: "edge",
          kind: "command",
          config,
          reload: ["true"],
          line: "server %n %h",
          governor: { reload_gap: "0s" },
          pools: [{ members: "role=web", port: 80 }],
          ...changes,
        },
      ],
    });
    await use({
      section,
      write: (value) => {
        writeFileSync(file, JSON.stringify(value));
        return file;
      },
      servers: () => readFileSync(config, "utf8").split("\n").slice(2, -3),
    });
  },
}).concurrent;

interface Site {
  readonly section: (changes?: object) => object;
  /** Writes the agent's file, and gives its path. */
  readonly write: (value: unknown) => string;
  /** The lines that are the load balancer's. */
  readonly servers: () => string[];
}

async function untilServed({ servers }: Site, ...lines: string[]): Promise<void> {
  await until(`the file has ${lines}`, () => servers().join() === lines.join(), {
    every: 20,
    last: servers,
  });
}

test("an agent keeps the file of a proxy in step, and says where it tells how it is", async ({
  site,
  start,
}) => {
  const agent = await start([`-config-file=${site.write({ load_balancer: site.section() })}`], {
    name: "lb",
  });
  const args = [`-join=${agent.ip}`, "-tag=role=web"];
  const web = await start(args, { name: "web1" });
  await untilServed(site, `server web1 ${web.ip}:80`);
  const other = await start(args, { name: "web2" });
  await untilServed(site, `server web1 ${web.ip}:80`, `server web2 ${other.ip}:80`);
  const info = JSON.parse((await agent.cli(["info", "-format=json"])).stdout) as {
    readonly load_balancer: { readonly status_file: string };
    readonly tags: object;
  };
  expect(info.tags).toEqual({ balancer: "edge" });
  expect(JSON.parse(readFileSync(info.load_balancer.status_file, "utf8"))).toMatchObject({
    self: "lb",
    joined: true,
    balancers: [{ name: "edge" }],
  });
  web.signal("SIGTERM");
  expect(await web.exited).toBe(0);
  expect(web.output).toContain("waiting until load balancers send no requests here");
  await untilServed(site, `server web2 ${other.ip}:80`);
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(0);
  expect(site.servers()).toEqual([`server web2 ${other.ip}:80`]);
});

test("wait -lb-applied ends when the balancer serves whom the asked agent sees, and not before", async ({
  site,
  start,
}) => {
  const slow = { reload: ["sleep", "0.5"] };
  const config = site.write({ load_balancer: site.section(slow) });
  const agent = await start([`-config-file=${config}`], { name: "lb" });
  const args = [`-join=${agent.ip}`, "-tag=role=web"];
  const web = await start(args, { name: "web1" });
  const flags = ["-tag=role=web", "-lb-applied", "-timeout=20s"];
  const first = await web.cli(["wait", "-members=1", ...flags]);
  expect(first.stdout).toBe("1 member alive with tag role=web, 1 load balancer has applied it\n");
  expect(site.servers()).toEqual([`server web1 ${web.ip}:80`]);
  const other = await start(args, { name: "web2" });
  expect((await other.cli(["wait", "-members=2", ...flags])).code).toBe(0);
  expect(site.servers()).toEqual([`server web1 ${web.ip}:80`, `server web2 ${other.ip}:80`]);
});

test("a restarted balancer leaves the file alone until it has joined again", async ({
  directory,
  site,
  start,
}) => {
  const web = await start(["-tag=role=web"], { name: "web1" });
  const args = [
    `-config-file=${site.write({ load_balancer: site.section() })}`,
    `-snapshot=${join(directory, "snapshot")}`,
  ];
  const first = await start([...args, `-join=${web.ip}`], { name: "lb" });
  await untilServed(site, `server web1 ${web.ip}:80`);
  await until("it will remember", () =>
    readFileSync(join(directory, "snapshot"), "utf8").includes("alive: web1"),
  );
  first.signal("SIGKILL");
  await first.exited;
  web.signal("SIGSTOP");
  const again = await start(args, { name: "lb", ip: first.ip });
  const settled = performance.now() + 1_000;
  await until("it would have settled long ago", () => {
    expect(site.servers()).toEqual([`server web1 ${web.ip}:80`]);
    return performance.now() > settled;
  });
  const { stdout } = await runCli("gossipd", ["lb", "status", `-rpc-addr=${again.rpc}`]);
  expect(stdout).toContain("warming up");
  web.signal("SIGCONT");
});

test("SIGHUP takes over another file, and keeps the old one if it is wrong", async ({
  site,
  start,
}) => {
  const path = site.write({ load_balancer: site.section() });
  const agent = await start([`-config-file=${path}`, "-tag=role=web"], { name: "lb" });
  site.write({ load_balancer: site.section({ poools: [] }) });
  agent.signal("SIGHUP");
  await untilPrinted(agent, "load balancer configuration refused, the old one stays");
  expect(agent.output).toMatch(/refused.*poools.*did you mean/);
  const pools = [{ members: "role=web", port: 81, include_self: true }];
  site.write({ load_balancer: site.section({ pools }) });
  agent.signal("SIGHUP");
  await untilServed(site, `server lb ${agent.ip}:81`);
  site.write({});
  agent.signal("SIGHUP");
  await untilPrinted(agent, "setting changed setting=load_balancer");
  await until("the tag is gone", async () => {
    const [self] = await agent.members();
    return self?.tags.balancer === undefined;
  });
});

test("what is wrong in it keeps an agent from starting, and config check tells it all", async ({
  site,
}) => {
  const path = site.write({
    load_balancer: site.section({ poools: [], reload: [], pools: [{ members: "(" }] }),
  });
  const { code, lines } = await runAgent(`-config-file=${path}`);
  expect(code).toBe(1);
  expect(lines.join("\n")).toContain(`${path}: load_balancer: balancers[0].`);
  const args = [`-bind=${freshIp()}`, "-node=a", `-config-file=${path}`];
  const check = await runCli("gossipd", ["config", "check", ...args]);
  expect(check.code).toBe(1);
  const told = check.stdout.trimEnd().split("\n");
  expect(told.every((line) => line.startsWith(`${path}: load_balancer: balancers[0].`))).toBe(true);
  expect(told.length).toBeGreaterThanOrEqual(3);
  const shown = await runCli("gossipd", ["config", "show", ...args]);
  expect(shown.stdout).toMatch(new RegExp(`^load_balancer +\\{.*\\} +file ${path}$`, "m"));
});

test("two agents do not keep the same files", async ({ site, start }) => {
  const path = site.write({ load_balancer: site.section() });
  const first = await start([`-config-file=${path}`], { name: "lb" });
  const { code, lines } = await runAgent(`-config-file=${path}`);
  expect({ code, told: lines.some((line) => line.includes(`${first.pid}`)) }).toEqual({
    code: 1,
    told: true,
  });
});
