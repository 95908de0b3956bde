import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { handlersDir } from "../handlers/sandbox.js";
import { Agent, loopbackNet, runCli } from "../support/agents.js";
import { gossipdBin, missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { Haproxy, inService } from "../traffic/support/haproxy.js";
import { Load } from "../traffic/support/load-client.js";
import { reportLine } from "../traffic/support/load-record.js";
import { WebProcess } from "../traffic/support/web-process.js";

const missing = missingPrograms("serf", "haproxy", "socat");

/**
 * Two balancers of one cluster: a gossipd agent that keeps its HAProxy in step by itself, and an agent of
 * Serf that does it by our shell handlers. Both are asked by the same query.
 */
describe.skipIf(missing.length > 0)("a drain that balancers acknowledge", () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-drain-"));
  const agents: Agent[] = [];
  const webs: WebProcess[] = [];
  let hosts = 2;
  let proxies: readonly [Haproxy, Haproxy];
  let builtIn: Agent;
  let byShell: Agent;

  beforeAll(async () => {
    const [one, other] = [await Haproxy.start({ ip: ip(1) }), await Haproxy.start({ ip: ip(2) })];
    proxies = [one, other];
    const pool = { name: "web", members: "role=web", server_options: "check" };
    const edge = {
      name: "edge",
      kind: "haproxy",
      config: one.place.config,
      master_socket: one.place.masterSocket,
      pools: [pool],
    };
    const lb = { state_dir: join(folder, "lb"), settle_time: "200ms", balancers: [edge] };
    const config = join(folder, "agent.json");
    writeFileSync(config, JSON.stringify({ load_balancer: lb }));
    const path = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    builtIn = await start("gossipd", "lb1", 1, [`-config-file=${config}`], path);
    const command = join(folder, "gossipd");
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${gossipdBin}' "$@"\n`, {
      mode: 0o755,
    });
    const events = "member-join,member-leave,member-failed,member-update,member-reap";
    byShell = await start(
      "serf",
      "lb2",
      2,
      [
        "-tag=balancer=haproxy",
        `-event-handler=${events}=${handlersDir}haproxy.sh`,
        `-event-handler=query:lb-drained=${handlersDir}lb-drained.sh`,
        `-join=${builtIn.gossip}`,
      ],
      {
        ...path,
        GOSSIPD: command,
        SERF_RPC_ADDR: `${ip(2)}:7373`,
        HAPROXY_CFG: other.place.config,
        HAPROXY_BEGIN: "# gossipd begin web",
        HAPROXY_END: "# gossipd end web",
        HAPROXY_SERVER_OPTIONS: "check",
        HAPROXY_SOCKET: other.place.statsSocket,
        HAPROXY_MASTER_SOCKET: other.place.masterSocket,
      },
    );
  });

  afterEach(async () => {
    for (const agent of agents.splice(2)) await agent.end();
    for (const web of webs.splice(0)) await web.child.kill();
  });

  afterAll(async () => {
    for (const agent of agents) await agent.end();
    for (const proxy of proxies) await proxy.end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(
    kind: Agent["kind"],
    name: string,
    host: number,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Agent> {
    const agent = await Agent.start({ kind, name, ip: ip(host), args, env });
    agents.push(agent);
    return agent;
  }

  /** A web server and an agent beside it, which both proxies serve. */
  async function startNode(kind: Agent["kind"], name: string, args: readonly string[] = []) {
    hosts += 1;
    const web = await WebProcess.start({ name, ip: ip(hosts) });
    webs.push(web);
    const tags = ["-tag=role=web", `-tag=port=${web.port}`];
    const agent = await start(kind, name, hosts, [...tags, `-join=${builtIn.gossip}`, ...args]);
    for (const proxy of proxies) await served(proxy, web, true);
    return { agent, web };
  }

  async function served(proxy: Haproxy, { ip: address, port }: WebProcess, is: boolean) {
    await until(`${address} is ${is ? "" : "not "}served at ${proxy.place.ip}`, async () => {
      const servers = await proxy.servers();
      const own = servers.filter((server) => server.ip === address && server.port === port);
      return own.some((server) => inService(server) && server.up) === is;
    });
  }

  function load(): readonly Load[] {
    const clients = { fresh: 2, kept: 4, post: 2, slow: 2 };
    return proxies.map(({ target }) => Load.start({ target, clients, rate: 200 }));
  }

  async function lossless(loads: readonly Load[], without: string): Promise<void> {
    for (const one of loads) {
      const report = await one.stop();
      process.stdout.write(`${reportLine(report)}\n`);
      expect(report.losses).toEqual({});
      expect(report.total).toBeGreaterThan(100);
    }
    expect(loads.map((one) => one.answered(without) > 0)).toEqual([true, true]);
  }

  test("an agent that is told to end goes when both have let it go, and no request is lost", async () => {
    await startNode("gossipd", "web1");
    const { agent, web } = await startNode("gossipd", "web2", ["-drain-timeout=30s"]);
    const loads = load();
    for (const one of loads) await one.more(100);
    const begun = performance.now();
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    await web.child.stop();
    const took = performance.now() - begun;
    process.stdout.write(`left ${took.toFixed(0)} ms after the signal\n`);
    for (const one of loads) await one.more(100);
    await lossless(loads, "web2");
    const told = /load balancer sends no requests here balancer=(\w+) member=(\w+) state=out/g;
    expect([...agent.output.matchAll(told)].map(([, ...names]) => names.join()).sort()).toEqual([
      "edge,lb1",
      "haproxy,lb2",
    ]);
  });

  test("a node is drained, kept out and made ready again by a command", async () => {
    await startNode("gossipd", "web3");
    const { web } = await startNode("gossipd", "web4");
    const loads = load();
    const drain = await builtIn.cli(["drain", "-timeout=30s", "web4"]);
    expect(drain).toEqual({
      code: 0,
      stdout:
        "web4 is draining\nedge on lb1: out\nhaproxy on lb2: out\nweb4 gets no requests any more\n",
      stderr: "",
    });
    await web.child.stop();
    for (const one of loads) await one.more(50);
    await lossless(loads, "web4");
    const again = await WebProcess.start({ name: "web4", ip: web.ip, port: web.port });
    webs.push(again);
    const ready = await builtIn.cli(["ready", "-timeout=30s", "web4"]);
    expect(ready.stdout).toContain("web4 gets requests\n");
    expect(ready.code).toBe(0);
    for (const proxy of proxies) await served(proxy, again, true);
  });

  test("an agent of Serf does the same by a tag and a query", async () => {
    await startNode("gossipd", "web5");
    const { agent, web } = await startNode("serf", "web6");
    const refused = await builtIn.cli(["drain", "-no-wait", "web6"]);
    expect(refused).toMatchObject({
      code: 1,
      stdout: `web6 did not answer: an agent of Serf changes only its own tags, so on its machine: serf tags -set state=draining\n`,
    });
    const loads = load();
    for (const one of loads) await one.more(50);
    expect((await agent.cli(["tags", "-set", "state=draining"])).code).toBe(0);
    const said = async (): Promise<string[]> => {
      const args = ["query", `-rpc-addr=${agent.rpc}`, "-no-ack", "-format=json", "-timeout=500ms"];
      const { stdout } = await runCli("serf", [...args, "-tag=balancer=.", "lb-drained", "web6"]);
      const { Responses } = JSON.parse(stdout) as { Responses: Record<string, string> };
      return Object.entries(Responses)
        .map(([member, line]) => `${member} ${(JSON.parse(line) as { state: string }).state}`)
        .sort();
    };
    let last: string[] = [];
    await until(
      "both let it go",
      async () => {
        last = await said();
        return last.join() === "lb1 out,lb2 out";
      },
      { last: () => last },
    );
    await web.child.stop();
    for (const one of loads) await one.more(50);
    await lossless(loads, "web6");
    expect((await agent.cli(["leave"])).code).toBe(0);
  });

  test("a balancer that dies is waited for no longer than until that is known", async () => {
    const { agent } = await startNode("gossipd", "web7", ["-drain-timeout=2m"]);
    byShell.signal("SIGKILL");
    agent.signal("SIGTERM");
    expect(await agent.exited).toBe(0);
    expect(agent.output).toMatch(/balancer=edge member=lb1 state=out/);
    expect(agent.output).not.toContain("did not take us out");
    expect(agent.output.match(/sends no requests here/g)).toHaveLength(1);
  });
});
