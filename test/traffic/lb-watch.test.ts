import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { AgentProcess } from "./support/agent-process.js";
import { Child } from "./support/child.js";
import { Haproxy, serves } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { freshNet, gossipd } from "./support/places.js";
import { lbConfig } from "./support/stage.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const missing = missingPrograms("haproxy", "serf");

/** A web server and the agent of Serf's beside it. */
interface Node {
  readonly web: WebProcess;
  readonly agent: AgentProcess;
}

/** A real HAProxy and real agents of Serf's; what keeps the one in step with the others is the test's. */
class Scene {
  readonly haproxy: Haproxy;
  readonly config: string;
  readonly #net = freshNet();
  #hosts = 1;

  static async open(keys: object = {}): Promise<Scene> {
    const scene = new Scene(await Haproxy.start({ ip: freshNet()(1) }), keys);
    onTestFinished(() => scene.haproxy.end());
    return scene;
  }

  private constructor(haproxy: Haproxy, keys: object) {
    this.haproxy = haproxy;
    this.config = join(haproxy.place.folder, "lb.json");
    const options = { pool: { probe: { path: "/health" }, ...keys } };
    writeFileSync(this.config, JSON.stringify(lbConfig(haproxy.place, options)));
  }

  get edgeIp(): string {
    return this.#net(1);
  }

  /** The agent beside the proxy; started again at the same address if asked twice. */
  async edge(...args: readonly string[]): Promise<AgentProcess> {
    return await this.#agent("edge", this.edgeIp, {}, args);
  }

  async node(name: string, edge: AgentProcess): Promise<Node> {
    this.#hosts += 1;
    const ip = this.#net(this.#hosts);
    const web = await WebProcess.start({ name, ip });
    onTestFinished(() => web.child.kill());
    const tags = { role: "web", port: String(web.port) };
    return { web, agent: await this.#agent(name, ip, tags, [`-join=${edge.gossip}`]) };
  }

  async #agent(
    name: string,
    ip: string,
    tags: Readonly<Record<string, string>>,
    args: readonly string[],
  ): Promise<AgentProcess> {
    const profile = "-profile=local";
    const agent = await AgentProcess.start({
      kind: "serf",
      name,
      ip,
      tags,
      args: [profile, ...args],
    });
    onTestFinished(() => agent.child.kill());
    return agent;
  }

  /** `gossipd lb watch` beside the agent at `ip`. */
  async watch({ ip }: AgentProcess): Promise<Child> {
    const child = this.lb("watch", `-rpc-addr=${ip}:7373`, "-log-level=debug");
    await child.becomes("follows", () => child.said.includes("following agent"));
    return child;
  }

  /** How `lb diff` ends: with 0 if file and proxy are as the agent's members would have them. */
  async diff(): Promise<string> {
    return await this.lb("diff", `-rpc-addr=${this.edgeIp}:7373`).ended;
  }

  lb(word: string, ...args: readonly string[]): Child {
    const child = new Child(`lb ${word}`, [...gossipd, "lb", word, `-lb=${this.config}`, ...args]);
    onTestFinished(() => child.kill());
    return child;
  }

  /** Waits until exactly these are in service. */
  async serves(...nodes: readonly Node[]): Promise<number> {
    return await serves(
      this.haproxy,
      nodes.map(({ web }) => web.address),
    );
  }

  /** The addresses between the markers of the file. */
  get written(): string[] {
    const own = /# gossipd begin web([\s\S]*)# gossipd end web/.exec(
      readFileSync(this.haproxy.place.config, "utf8"),
    );
    const lines = (own?.[1] ?? "").split("\n").filter((line) => !/\sdisabled\b/.test(line));
    return lines
      .flatMap((line) => /server \S+ (127\.\d+\.\d+\.\d+:\d+)/.exec(line)?.[1] ?? [])
      .sort();
  }
}

/** A command of Serf's or ours, to its end. */
async function run(
  ...command: readonly [string, ...string[]]
): Promise<{ how: string; said: string }> {
  const child = new Child(command.join(" "), command);
  const how = await child.ended;
  return { how, said: child.said };
}

/** Load while a test goes on; nothing may get lost unless the test says so. */
function load(scene: Scene): Load {
  return Load.start({
    target: scene.haproxy.target,
    clients: { fresh: 2, kept: 4, post: 2 },
    rate: 200,
  });
}

describe.skipIf(missing.length > 0)("gossipd lb watch beside a real agent of Serf's", () => {
  test("has the proxy follow joins and leaves without a lost request, and deaths", async () => {
    const scene = await Scene.open();
    const edge = await scene.edge();
    const web1 = await scene.node("web1", edge);
    const web2 = await scene.node("web2", edge);
    const sidecar = await scene.watch(edge);
    await scene.serves(web1, web2);
    const traffic = load(scene);
    const web3 = await scene.node("web3", edge);
    const join = await scene.serves(web1, web2, web3);
    // Its server goes on until nobody needs it: Serf's agents cannot wait for that themselves.
    web2.agent.askToLeave();
    const leave = await scene.serves(web1, web3);
    await web2.web.child.stop();
    await traffic.more(200);
    const planned = traffic.report();
    expect(planned.lost, reportLine(planned)).toEqual([]);
    await Promise.all([web3.agent.child.kill(), web3.web.child.kill()]);
    // How long that takes is Serf's affair: 5 s, or 20 s if nobody confirms the suspicion.
    await waitUntil("Serf says that it failed", async () => {
      const members = await edge.members();
      return members.get("web3")?.status === "failed";
    });
    const death = await scene.serves(web1);
    await traffic.more(200);
    const report = await traffic.stop();
    process.stderr.write(
      `lb watch: join ${join.toFixed(0)} ms, leave ${leave.toFixed(0)} ms, failure ${death.toFixed(0)} ms after Serf knew it; ${reportLine(report)}\n`,
    );
    // What was under way on it, and was not to be sent twice.
    expect(report.lost.filter(({ client }) => client !== "post")).toEqual([]);
    await waitUntil("the file says the same", () => scene.written.join() === web1.web.address);
    expect(await scene.diff()).toBe("exit status 0");
    expect((await scene.haproxy.master()).reloads).toBeLessThanOrEqual(1);
    expect(await sidecar.stop()).toBe("exit status 0");
  });

  test("answers the queries of plain Serf: drained, status and orders", async () => {
    const scene = await Scene.open();
    const edge = await scene.edge();
    const web1 = await scene.node("web1", edge);
    const web2 = await scene.node("web2", edge);
    const sidecar = await scene.watch(edge);
    await scene.serves(web1, web2);
    await waitUntil("others can see whom to ask", async () => {
      const members = await web1.agent.members();
      return members.get("edge")?.tags.balancer === "edge";
    });
    const ask = async (...words: readonly string[]): Promise<string> => {
      const { said } = await run(
        "serf",
        "query",
        `-rpc-addr=${web1.agent.ip}:7373`,
        "-timeout=1s",
        ...words,
      );
      return /Response from 'edge': (.*)/.exec(said)?.[1] ?? said;
    };
    expect(JSON.parse(await ask("lb-drained", "web1"))).toMatchObject({ state: "serving" });
    await web1.agent.setTags({ role: "web", port: String(web1.web.port), state: "draining" });
    let answer = "";
    await waitUntil(
      "web1 may stop",
      async () => {
        answer = await ask("lb-drained", "web1");
        return (JSON.parse(answer) as { state?: string }).state === "out";
      },
      { last: () => answer },
    );
    await scene.serves(web2);
    expect(JSON.parse(await ask("lb-status"))).toMatchObject({ balancer: "edge", ok: true });
    await ask("lb-order", '{"kind":"pause"}');
    await web1.agent.setTags({}, ["state"]);
    const all = [...gossipd, "lb"] as const;
    const rpc = `-rpc-addr=${web2.agent.ip}:7373`;
    await waitUntil(
      "it is paused",
      async () =>
        (await run(...gossipd, "lb", "status", `-lb=${scene.config}`)).how === "exit status 1",
    );
    const resumed = await run(...all, "resume", rpc);
    expect(resumed.how, resumed.said).toBe("exit status 0");
    await scene.serves(web1, web2);
    await waitUntil(
      "all agree",
      async () => (await run(...all, "status", "-all", rpc)).how === "exit status 0",
    );
    expect(await sidecar.stop()).toBe("exit status 0");
    await waitUntil("nobody asks it any more", async () => {
      const members = await web1.agent.members();
      return members.get("edge")?.tags.balancer === undefined;
    });
    expect(await scene.haproxy.servers()).not.toEqual([]);
  });

  test("keeps the pool while the agent is away, and while it comes back alone", async () => {
    const scene = await Scene.open();
    const edge = await scene.edge();
    const web1 = await scene.node("web1", edge);
    const web2 = await scene.node("web2", edge);
    const sidecar = await scene.watch(edge);
    await scene.serves(web1, web2);
    const traffic = load(scene);
    await edge.child.kill();
    await sidecar.becomes("sees it", () => sidecar.said.includes("agent out of reach"));
    // Nobody tells the balancer that it left.
    web2.agent.askToLeave();
    await web2.agent.child.ended;
    const again = await scene.edge();
    await sidecar.becomes("waits", () => sidecar.said.includes("agent knows nobody else"));
    await scene.serves(web1, web2);
    await again.join(web1.agent.gossip);
    await scene.serves(web1);
    await web2.web.child.stop();
    await traffic.more(100);
    const report = await traffic.stop();
    expect(report.lost, reportLine(report)).toEqual([]);
    expect(await sidecar.stop()).toBe("exit status 0");
    await scene.serves(web1);
  });

  test("keeps the pool while the agent hangs, and goes on with it afterwards", async () => {
    const scene = await Scene.open();
    const edge = await scene.edge();
    const web1 = await scene.node("web1", edge);
    const web2 = await scene.node("web2", edge);
    const sidecar = await scene.watch(edge);
    await scene.serves(web1, web2);
    edge.child.freeze();
    await sidecar.becomes("sees it", () => sidecar.said.includes("agent out of reach"));
    await scene.serves(web1, web2);
    const web3 = await scene.node("web3", web1.agent);
    edge.child.thaw();
    await scene.serves(web1, web2, web3);
    expect(await sidecar.stop()).toBe("exit status 0");
  });

  test("may be killed: the status tells, the proxy goes on, and the next one needs no reload", async () => {
    const scene = await Scene.open();
    const edge = await scene.edge();
    const web1 = await scene.node("web1", edge);
    const web2 = await scene.node("web2", edge);
    const first = await scene.watch(edge);
    await scene.serves(web1, web2);
    const status = async (): Promise<string> => await scene.lb("status").ended;
    await waitUntil("it is in step", async () => (await status()) === "exit status 0");
    const { reloads } = await scene.haproxy.master();
    const traffic = load(scene);
    await first.kill();
    expect(await status()).toBe("exit status 2");
    web2.agent.askToLeave();
    await web2.agent.child.ended;
    const second = await scene.watch(edge);
    await scene.serves(web1);
    await web2.web.child.stop();
    await waitUntil("it is in step", async () => (await status()) === "exit status 0");
    const report = await traffic.stop();
    expect(report.lost, reportLine(report)).toEqual([]);
    expect((await scene.haproxy.master()).reloads).toBe(reloads);
    expect(await second.stop()).toBe("exit status 0");
  });
});

describe.skipIf(missing.length > 0)("gossipd lb apply as an event handler of Serf's", () => {
  test("has the proxy follow joins, leaves and deaths", async () => {
    const scene = await Scene.open();
    const events = ["join", "leave", "failed", "update", "reap"].map((what) => `member-${what}`);
    const edge = await scene.edge(`-event-handler=${events.join(",")}=${handler(scene)}`);
    const web1 = await scene.node("web1", edge);
    const web2 = await scene.node("web2", edge);
    const web3 = await scene.node("web3", edge);
    await scene.serves(web1, web2, web3);
    const traffic = load(scene);
    web2.agent.askToLeave();
    await scene.serves(web1, web3);
    await web2.web.child.stop();
    await traffic.more(100);
    const planned = traffic.report();
    expect(planned.lost, reportLine(planned)).toEqual([]);
    await Promise.all([web3.agent.child.kill(), web3.web.child.kill()]);
    await scene.serves(web1);
    const report = await traffic.stop();
    expect(report.lost.filter(({ client }) => client !== "post")).toEqual([]);
    // A dead server is taken out of the proxy before the file is written.
    await waitUntil("the file says the same", () => scene.written.join() === web1.web.address);
    await waitUntil("the last pass is over", async () => (await scene.diff()) === "exit status 0");
  });
});

/** What the help of the command says, for this scene. */
function handler(scene: Scene): string {
  const [node, program] = gossipd;
  return `'${node}' '${program}' lb apply -q -lb '${scene.config}' -rpc-addr=${scene.edgeIp}:7373`;
}
