import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow, loopbackNet, runCli } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { Haproxy } from "../traffic/support/haproxy.js";
import { Nginx } from "../traffic/support/nginx.js";
import { WebProcess } from "../traffic/support/web-process.js";
import { type Diagnosed, diagnose, faultsOf, path, wordsOf } from "./doctor-cases.js";

const missing = missingPrograms("haproxy", "nginx", "keepalived");

describe.skipIf(missing.length > 0)("a load balancer that gossipd keeps", () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-doctor-"));
  const agents: Agent[] = [];
  const config = join(folder, "agent.json");
  let haproxy: Haproxy;
  let lb: Agent;
  let web: WebProcess;
  let web1: Agent;

  const balancer = (fields: object = {}): object => ({
    state_dir: join(folder, "state"),
    settle_time: "200ms",
    balancers: [
      {
        name: "edge",
        kind: "haproxy",
        config: haproxy.place.config,
        master_socket: haproxy.place.masterSocket,
        pools: [{ name: "web", members: "role=web" }],
        ...fields,
      },
    ],
  });

  /** Of an agent that has not been started. */
  async function planned(loadBalancer: object): Promise<Diagnosed> {
    const file = join(folder, "planned.json");
    writeFileSync(file, JSON.stringify({ load_balancer: loadBalancer }));
    const own = [`-bind=${ip(99)}`, `-rpc-addr=${ip(99)}:7373`, "-node=planned"];
    return await diagnose([`-config-file=${file}`, ...own]);
  }

  beforeAll(async () => {
    haproxy = await Haproxy.start({ ip: ip(1) });
    writeFileSync(config, JSON.stringify({ load_balancer: balancer() }));
    web = await WebProcess.start({ name: "web1", ip: ip(2) });
    lb = await start("lb1", 1, [`-config-file=${config}`]);
    web1 = await start("web1", 2, [`-join=${lb.gossip}`, "-tag=role=cache"]);
    await allShow([lb], { web1: "alive" });
  });

  afterAll(async () => {
    for (const agent of agents) await agent.end();
    await haproxy?.end();
    await web?.child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(name: string, host: number, args: readonly string[]): Promise<Agent> {
    const agent = await Agent.start({
      kind: "gossipd",
      name,
      ip: ip(host),
      args,
      env: { PATH: path },
    });
    agents.push(agent);
    return agent;
  }

  const asked = async (): Promise<Diagnosed> => await diagnose([`-rpc-addr=${lb.rpc}`]);

  test("has no server as long as no member has the tag, nor one without a port", async () => {
    const none = await asked();
    expect(faultsOf(none).join("\n")).toContain('no member matches "members": "role=web"');
    expect(wordsOf(none)).toContain("web1 has role=cache");
    expect(wordsOf(none)).toContain("gossipd tags -set role=web");
    expect(faultsOf(none).at(-1)).toMatch(/^pool: backend web .*HAProxy answers 503/);
    await web1.cli(["tags", "-set", "role=web"]);
    await until("the tag is known", async () =>
      wordsOf(await asked()).includes("member web1 becomes no server"),
    );
    expect(wordsOf(await asked())).toContain("gossipd tags -set port=PORT");
    await web1.cli(["tags", "-set", `port=${web.port}`]);
    await until("all is well", async () => (await asked()).code === 0, {
      last: () => lb.output.slice(-500),
    });
  });

  test("that is paused, or whose proxy has stopped, is told so", async () => {
    await runCli("gossipd", ["lb", "pause", `-rpc-addr=${lb.rpc}`]);
    await until("it is paused", async () =>
      wordsOf(await asked()).includes("balancer edge\nis paused"),
    );
    expect(wordsOf(await asked())).toContain(
      `gossipd lb resume -rpc-addr=${lb.rpc} -balancer edge`,
    );
    await runCli("gossipd", ["lb", "resume", `-rpc-addr=${lb.rpc}`]);
    await until("all is well", async () => (await asked()).code === 0);
    await haproxy.child.stop();
    const stopped = await asked();
    expect(faultsOf(stopped).join("\n")).toMatch(/proxy-process: .*HAProxy does not answer/);
    expect(wordsOf(stopped)).toContain(`start it: haproxy -W -D -f ${haproxy.place.config}`);
    await haproxy.run();
    await until("all is well again", async () => (await asked()).code === 0);
  });

  test("whose service does not listen is told with the machine on which it should", async () => {
    await web.child.kill();
    const said = await asked();
    expect(faultsOf(said)[0]).toMatch(/^backend: server web\/\S+ at \S+: connection refused/);
    expect(wordsOf(said)).toContain("start the service on web1");
    web = await WebProcess.start({ name: "web1", ip: ip(2), port: web.port });
    await until("all is well again", async () => (await asked()).code === 0);
  });

  test("before its start: program, file, template, folder and markers that are missing are named", async () => {
    const program = await planned(balancer({ binary: "/opt/nowhere/haproxy" }));
    expect(faultsOf(program)[0]).toBe(
      "proxy-program: HAProxy: there is no program /opt/nowhere/haproxy",
    );
    const file = join(folder, "none.cfg");
    expect(faultsOf(await planned(balancer({ config: file })))[0]).toBe(
      `proxy-config: ${file}: there is no such file`,
    );
    const template = join(folder, "none.liquid");
    const templated = await planned(balancer({ template }));
    expect(faultsOf(templated).join("\n")).toContain(`template ${template}: there is no such file`);
    const away = await planned({ ...balancer(), state_dir: join(folder, "no/such/state") });
    expect(wordsOf(away)).toContain(`mkdir -p ${join(folder, "no/such")}`);
    const pools = [{ name: "other", members: "role=web", port: 80 }];
    expect(wordsOf(await planned(balancer({ pools })))).toContain('"# gossipd begin other"');
    expect(faultsOf(await planned(balancer()))).toEqual([]);
  });

  test("that has its last member drained is told how to take it back", async () => {
    await web1.cli(["tags", "-set", "state=draining"]);
    await until("it is drained", async () => wordsOf(await asked()).includes("web1 is draining"));
    expect(wordsOf(await asked())).toContain(`gossipd ready -rpc-addr=${lb.rpc} web1`);
  });

  test("a configuration that is wrong is told line by line", async () => {
    const said = await planned({ balancers: [{ pools: 7 }] });
    expect(said.code).toBe(1);
    expect(faultsOf(said)[0]).toMatch(/^config: .*load_balancer/);
  });
});

describe.skipIf(missing.length > 0)("an nginx that nobody keeps", () => {
  const ip = loopbackNet();

  test("is told to have no server that answers, to be refused, and not to run", async () => {
    const web = await WebProcess.start({ name: "web1", ip: ip(2) });
    const text =
      (port: number) => (place: { folder: string; pidFile: string; ip: string; port: number }) =>
        `pid ${place.pidFile};
error_log ${place.folder}/error.log;
events {}
http {
  access_log off;
  upstream web {
    server ${ip(2)}:${port};
  }
  server {
    listen ${place.ip}:${place.port};
    location / { proxy_pass http://web; }
  }
}
`;
    const nginx = await Nginx.start({ ip: ip(1), text: text(web.port) });
    const flags = [`-proxy-config=${nginx.place.config}`, `-rpc-addr=${ip(99)}:7373`];
    const about = (said: Diagnosed): readonly string[] =>
      faultsOf(said).filter((one) => !one.startsWith("agent:"));
    expect(about(await diagnose(flags))).toEqual([]);
    await web.child.kill();
    const down = about(await diagnose(flags));
    expect(down[0]).toMatch(/^backend: server web\/\S+ at .*connection refused/);
    expect(down.at(-1)).toMatch(/^pool: upstream web .*nginx answers 502/);
    await nginx.child.stop();
    expect(about(await diagnose(flags)).join("\n")).toContain(
      "proxy-process: nginx's process: nginx is not running",
    );
    writeFileSync(nginx.place.config, text(web.port)(nginx.place).replace("listen", "lissten"));
    const refused = about(await diagnose(flags));
    expect(refused[0]).toMatch(
      /^proxy-config: .*nginx refuses the file: .*unknown directive "lissten"/,
    );
    await nginx.end();
  });
});

describe.skipIf(missing.length > 0)("a keepalived", () => {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-doctor-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function said(text: string): Promise<string> {
    const file = join(folder, "keepalived.conf");
    writeFileSync(file, text);
    return wordsOf(await diagnose([`-keepalived=${file}`, "-rpc-addr=127.0.0.1:1"]));
  }

  const there = Object.keys(networkInterfaces()).find((name) => name !== "lo") ?? "lo";
  const safe = "global_defs {\n    script_user root\n    enable_script_security\n}\n";
  const instance = (name: string, track: string) => `vrrp_instance VI_1 {
    state BACKUP
    interface ${name}
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.0.2.1/32
    }
    ${track}
}
`;
  const script = (weight: string, command: string) => `vrrp_script check_haproxy {
    script "${command}"
    interval 2
    ${weight}
}
`;

  test("that adds weight while its check succeeds never moves the address", async () => {
    const tracked = instance(there, "track_script {\n        check_haproxy\n    }");
    const words = await said(script("weight 2", "/usr/bin/killall -0 haproxy") + tracked);
    expect(words).toContain("vrrp_script check_haproxy has weight 2: the address never moves");
    expect(words).toContain('remove the line "weight 2"');
    expect(words).toContain("kill -0");
    const slow = await said(script("weight -20", "/bin/true") + tracked);
    expect(slow).toContain("has weight -20: the address moves only after 4 to 5 s");
    const well = script("", "/bin/true") + tracked;
    expect(await said(well)).toContain("add to global_defs");
    expect(await said(safe + well)).not.toContain("keepalived.conf");
    expect(await said(safe + well.replace("priority", "priorrity"))).toContain(
      "keepalived refuses it",
    );
  });

  test("without its interface, its script or anything that it tracks is told so", async () => {
    const words = await said(script("", "/opt/nowhere/check.sh") + instance("eth99", ""));
    expect(words).toContain("runs /opt/nowhere/check.sh, which is not there");
    expect(words).toMatch(/change "interface eth99" in \S+ to one of: /);
    expect(words).toContain("VI_1 tracks nothing");
  });
});
