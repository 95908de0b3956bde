import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow } from "../support/agents.js";
import { gossipdBin, missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { Child } from "../traffic/support/child.js";
import { type Host, SwitchedNetwork } from "../traffic/support/netns.js";
import { WebProcess } from "../traffic/support/web-process.js";
import { type Diagnosed, faultsOf, wordsOf } from "./doctor-cases.js";

const missing = missingPrograms("ip");
const skips = missing.length > 0 || process.getuid?.() !== 0;

/** Three machines; the doctor is asked on the first. */
describe.skipIf(skips)("between machines", () => {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-doctor-"));
  const agents: Agent[] = [];
  const rules: (readonly string[])[] = [];
  const webs: WebProcess[] = [];
  let network: SwitchedNetwork;
  let hosts: readonly [Host, Host, Host];

  beforeAll(async () => {
    network = SwitchedNetwork.make(3);
    hosts = network.hosts as unknown as typeof hosts;
    for (const [index, { ip, within }] of hosts.entries()) {
      const join = index === 0 ? [] : [`-join=${hosts[0].ip}`];
      const args = ["-profile=local", `-tag=port=8080`, ...join];
      agents.push(await Agent.start({ kind: "gossipd", name: `m${index}`, ip, within, args }));
    }
    await allShow(agents.slice(0, 1), { m1: "alive", m2: "alive" });
  });

  afterEach(async () => {
    for (const rule of rules.splice(0)) ip(rule.map((word) => (word === "add" ? "del" : word)));
    for (const web of webs.splice(0)) await web.child.kill();
    await allShow(agents.slice(0, 1), { m0: "alive", m1: "alive", m2: "alive" });
  });

  afterAll(async () => {
    for (const agent of agents) await agent.end();
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function ip(args: readonly string[]): void {
    const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  }

  /** Packets from a host that match get lost without a word. */
  function lose(from: Host, ...what: readonly string[]): void {
    const rule = [
      "-n",
      from.within[3] ?? "",
      "rule",
      "add",
      ...what,
      "lookup",
      "100",
      "priority",
      "10",
    ];
    ip(rule);
    rules.push(rule);
  }

  async function diagnose(...flags: readonly string[]): Promise<Diagnosed> {
    const [{ ip: own, within }] = hosts;
    const words = ["doctor", `-rpc-addr=${own}:7373`, "-format=json", ...flags] as const;
    const child = new Child("doctor", [process.execPath, gossipdBin, ...words], { within });
    const ended = await child.ended;
    const code = Number(/exit status (\d+)/.exec(ended)?.[1]);
    return { code, ...(JSON.parse(child.said) as Omit<Diagnosed, "code">) };
  }

  /** An HAProxy's file with one server on the second machine. */
  function proxyWith(port: number): string {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(
      file,
      `defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\nbackend web\n  server one ${hosts[1].ip}:${port}\n`,
    );
    return `-proxy-config=${file}`;
  }

  test("where all gets through, nothing is found", async () => {
    await until("nothing is found", async () => (await diagnose()).code === 0);
    const said = await diagnose();
    expect(said.findings.map(({ found }) => found)).toContain(
      `${hosts[0].ip}:7946 is reached over TCP and UDP (asked of 2)`,
    );
  });

  test("a machine to which only TCP gets through is named", async () => {
    for (const from of [hosts[0], hosts[2]]) {
      lose(from, "to", hosts[1].ip, "ipproto", "udp", "dport", "7946");
    }
    const said = await diagnose();
    expect(said.code).toBe(1);
    expect(wordsOf(said)).toContain(`m1 at ${hosts[1].ip}:7946: UDP does not get through`);
  });

  test("a machine of its own to which only TCP gets through is told so", async () => {
    for (const from of [hosts[1], hosts[2]]) {
      lose(from, "to", hosts[0].ip, "ipproto", "udp", "dport", "7946");
    }
    const said = await diagnose();
    expect(wordsOf(said)).toContain(
      "none of m1, m2 is heard, though they answer when they are asked directly",
    );
    expect(wordsOf(said)).toContain("UDP packets to the gossip port of this machine do not arrive");
  });

  test("one of them from which UDP does not arrive is told by itself, through the others", async () => {
    lose(hosts[2], "to", hosts[0].ip, "ipproto", "udp", "dport", "7946");
    expect(wordsOf(await diagnose())).toContain("no confirmation from m2");
  });

  test("a service on another machine: not running, on another port, on loopback, behind a firewall", async () => {
    const none = wordsOf(await diagnose(proxyWith(8080)));
    expect(none).toContain(`server web/one at ${hosts[1].ip}:8080\nconnection refused`);
    expect(none).toContain("start the service on m1");
    const { ip: address, within } = hosts[1];
    webs.push(await WebProcess.start({ name: "m1", ip: address, port: 8081, within }));
    const wrong = wordsOf(await diagnose(proxyWith(8080)));
    expect(wrong).toContain("the port may be wrong: 8081 is open on m1, and 8080 is not");
    expect(wrong).toContain("on m1: gossipd tags -set port=8081");
    webs.push(await WebProcess.start({ name: "m1", ip: "127.0.0.1", port: 8082, within }));
    const narrow = wordsOf(await diagnose(proxyWith(8082)));
    expect(narrow).toContain("on m1 the service listens on port 8082 of 127.0.0.1 alone");
    lose(hosts[0], "to", address, "ipproto", "tcp", "dport", "8081");
    const lost = await diagnose(proxyWith(8081));
    expect(wordsOf(lost)).toContain("does not answer: packets to it get lost");
    expect(wordsOf(lost)).toContain("let TCP port 8081 through on m1");
    expect(faultsOf(lost).at(-1)).toMatch(/^pool: .*HAProxy answers 503/);
  });

  test("a member that is taken for failed, but is there, is a cluster in two parts", async () => {
    network.mute(2, 7_946);
    await allShow(agents.slice(0, 1), { m2: "failed" });
    network.unmute(2, 7_946);
    const said = await diagnose();
    expect(wordsOf(said)).toContain("is taken for failed, but an agent answers there");
    expect(wordsOf(said)).toContain(
      `gossipd join -rpc-addr=${hosts[0].ip}:7373 ${hosts[2].ip}:7946`,
    );
  });

  test("a member that has gone is told from one whose machine has", async () => {
    agents[2]?.signal("SIGSTOP");
    await allShow(agents.slice(0, 1), { m2: "failed" });
    const stopped = wordsOf(await diagnose());
    agents[2]?.signal("SIGCONT");
    expect(stopped).toMatch(/member m2 at \S+\nis taken for failed, and does not answer \(mute\)/);
  });
});
