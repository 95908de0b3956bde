import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AgentKind, AgentProcess } from "./agent-process.js";
import { Child } from "./child.js";
import { Classic, classicConfig } from "./classic.js";
import { Haproxy, type HaproxyPlace, inService } from "./haproxy.js";
import type { SwitchedNetwork } from "./netns.js";
import { freshNet, gossipd, packageRoot } from "./places.js";
import { waitUntil } from "./waiting.js";
import { WebProcess } from "./web-process.js";

/**
 * Who keeps the proxy in step. `built-in`: gossipd's load balancer, in the agent. `sidecar`: the same
 * beside Serf's agents, by `gossipd lb watch`. `handlers`: Serf's agents and our shell handler. `classic`: Serf's agents and the scripts of the tutorials; see {@link Classic}.
 */
type Wiring = "built-in" | "sidecar" | "handlers" | "classic";

export interface StageOptions {
  readonly wiring: Wiring;
  /** Of all agents; default lan. */
  readonly profile?: "lan" | "local";
  /** Keys of the balancer, for `built-in`, over those that the stage sets. */
  readonly balancer?: Readonly<Record<string, unknown>>;
  /** Keys of its pool `web`. */
  readonly pool?: Readonly<Record<string, unknown>>;
  /** Keys beside `balancers`. */
  readonly lb?: Readonly<Record<string, unknown>>;
  /** The proxy's file; default: the one that belongs to the wiring. */
  readonly text?: (place: HaproxyPlace) => string;
  /** Machines of their own: the first for the proxy and its agent, the others for web nodes. */
  readonly network?: SwitchedNetwork;
}

/** The port of every web server; each has an address of its own. */
export const webPort = 8_080;

/** A web server and the agent beside it. */
export class WebNode {
  readonly web: WebProcess;
  agent: AgentProcess;

  constructor(web: WebProcess, agent: AgentProcess) {
    this.web = web;
    this.agent = agent;
  }

  get name(): string {
    return this.agent.name;
  }

  get address(): string {
    return this.web.address;
  }

  /** As a service manager stops them: the agent, which sees to it that nobody needs us, then the server. */
  async leave(): Promise<void> {
    this.agent.askToLeave();
    await this.agent.child.ended;
    await this.web.child.stop();
  }

  /** `kill -9` to both, as if the machine had lost its power. */
  async kill(): Promise<void> {
    await Promise.all([this.agent.child.kill(), this.web.child.kill()]);
  }

  /** Both stand still, and keep their connections. */
  freeze(): void {
    this.agent.child.freeze();
    this.web.child.freeze();
  }

  thaw(): void {
    this.web.child.thaw();
    this.agent.child.thaw();
  }
}

export interface NodeOptions {
  /** One that nobody had yet unless given. */
  readonly ip?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** What its web server calls itself; default: the node's name. */
  readonly says?: string;
  /** Whether its agent joins at its start; default: yes. */
  readonly joins?: boolean;
}

/** A proxy, the agent that keeps it in step, and web nodes that come and go; all real processes. */
export class Stage {
  readonly haproxy: Haproxy;
  balancer: AgentProcess;
  /** Those that are up, by name. */
  readonly nodes = new Map<string, WebNode>();
  readonly #options: StageOptions;
  readonly #classic: Classic | undefined;
  readonly #start: () => Promise<AgentProcess>;
  readonly #net: (host: number) => string;
  /** All that was ever started, for the end. */
  readonly #children: Child[] = [];
  #hosts = 1;

  private constructor(
    options: StageOptions,
    parts: Pick<Stage, "haproxy" | "balancer"> & {
      readonly classic: Classic | undefined;
      readonly start: () => Promise<AgentProcess>;
    },
    net: (host: number) => string,
  ) {
    this.#options = options;
    this.haproxy = parts.haproxy;
    this.balancer = parts.balancer;
    this.#classic = parts.classic;
    this.#start = parts.start;
    this.#net = net;
  }

  /** A proxy and a balancer's agent, without a web node. */
  static async open(options: StageOptions): Promise<Stage> {
    const { wiring, profile = "lan" } = options;
    const loopback = freshNet();
    const hosts = options.network?.hosts;
    const net = (host: number): string =>
      hosts === undefined ? loopback(host) : (hosts[host - 1]?.ip ?? "");
    const within = hosts?.[0]?.within ?? [];
    const text = options.text ?? (wiring === "classic" ? classicConfig : undefined);
    const haproxy = await Haproxy.start({
      ip: net(1),
      processes: wiring === "classic" ? "single" : "master",
      ...(text === undefined ? {} : { text }),
      within,
    });
    const classic = wiring === "classic" ? new Classic(haproxy.place, webPort) : undefined;
    const args = [`-profile=${profile}`];
    const env: Record<string, string> = {};
    if (classic !== undefined) args.push(...classic.handlers);
    if (wiring === "handlers") {
      args.push(`-event-handler=${join(packageRoot, "handlers", "haproxy.sh")}`);
      Object.assign(env, handlerEnvironment(haproxy.place), { SERF_RPC_ADDR: `${net(1)}:7373` });
    }
    const file = join(haproxy.place.folder, "lb.json");
    writeFileSync(file, JSON.stringify(lbConfig(haproxy.place, options), null, 1));
    if (wiring === "built-in") args.push(`-lb=${file}`);
    const start = (): Promise<AgentProcess> =>
      AgentProcess.start({
        kind: kindOf(wiring),
        name: "edge",
        ip: net(1),
        tags: { role: "lb" },
        args,
        env,
        within,
      });
    try {
      const stage = new Stage(options, { haproxy, balancer: await start(), classic, start }, net);
      if (wiring === "sidecar") await stage.#startSidecar(file);
      return stage;
    } catch (error) {
      await haproxy.end();
      throw error;
    }
  }

  /** The balancer's agent dies; the proxy goes on. */
  async killBalancer(): Promise<void> {
    await this.balancer.child.kill();
  }

  async #startSidecar(file: string): Promise<void> {
    const { ip } = this.balancer;
    const child = new Child(
      "gossipd lb watch",
      [...gossipd, "lb", "watch", `-lb=${file}`, `-rpc-addr=${ip}:7373`],
      { within: this.#within(ip) },
    );
    this.#children.push(child);
    await child.becomes("has begun", () => child.said !== "");
  }

  /** It starts again as it did at first: alone. */
  async startBalancer(): Promise<void> {
    this.balancer = await this.#start();
  }

  /** Where the balancer keeps its status. */
  get statusFile(): string {
    return join(this.haproxy.place.folder, "lb", "status.json");
  }

  /** The address of a host that nobody had yet. */
  freshIp(): string {
    this.#hosts += 1;
    return this.#net(this.#hosts);
  }

  /** Starts a web server, then its agent, which joins; what the balancer makes of it is not awaited. */
  async add(
    name: string,
    { ip = this.freshIp(), tags = {}, says = name, joins = true }: NodeOptions = {},
  ): Promise<WebNode> {
    const within = this.#within(ip);
    const web = await WebProcess.start({ name: says, ip, port: webPort, within });
    this.#children.push(web.child);
    const agent = await this.startAgent(name, ip, tags, joins);
    const node = new WebNode(web, agent);
    this.nodes.set(name, node);
    return node;
  }

  /** {@link add} for each, two at a time: more would only wait for each other. */
  async addAll(names: readonly string[]): Promise<void> {
    for (let at = 0; at < names.length; at += 2) {
      await Promise.all(names.slice(at, at + 2).map((name) => this.add(name)));
    }
  }

  /** The agent of a web node alone. */
  async startAgent(
    name: string,
    ip: string,
    tags: Readonly<Record<string, string>> = {},
    joins = true,
  ): Promise<AgentProcess> {
    const agent = await AgentProcess.start({
      kind: kindOf(this.#options.wiring),
      name,
      ip,
      tags: { role: "web", port: String(webPort), ...tags },
      join: joins ? [this.balancer.gossip] : [],
      args: [`-profile=${this.#options.profile ?? "lan"}`],
      within: this.#within(ip),
    });
    this.#children.push(agent.child);
    return agent;
  }

  /** It leaves, in order; see {@link WebNode.leave}. */
  async remove(name: string): Promise<void> {
    const node = this.node(name);
    this.nodes.delete(name);
    await node.leave();
  }

  node(name: string): WebNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** The addresses in service, `ip:port`, with the state of those that are not ready. Sorted. */
  async served(): Promise<string[]> {
    const servers = await this.haproxy.servers();
    return servers
      .filter(inService)
      .map(({ ip, port, state }) => `${ip}:${port}${state === "ready" ? "" : ` ${state}`}`)
      .sort();
  }

  /** Waits until exactly the nodes that are up are in service; how long that took, ms. */
  async inStep(timeout?: number): Promise<number> {
    const wanted = [...this.nodes.values()].map(({ address }) => address).sort();
    let seen: string[] = [];
    return await waitUntil(
      `served are ${wanted.join(", ")}`,
      async () => {
        // In the moment of a reload the socket may refuse.
        seen = await this.served().catch((error: Error) => [error.message]);
        return seen.join() === wanted.join();
      },
      { ...(timeout === undefined ? {} : { timeout }), last: () => seen },
    );
  }

  #within(ip: string): readonly string[] {
    return this.#options.network?.hosts.find((host) => host.ip === ip)?.within ?? [];
  }

  async end(): Promise<void> {
    // SIGKILL ends also what is frozen.
    await Promise.all(this.#children.map((child) => child.kill()));
    await this.balancer.child.kill();
    await this.haproxy.end();
    this.#classic?.end();
  }
}

function kindOf(wiring: Wiring): AgentKind {
  return wiring === "built-in" ? "gossipd" : "serf";
}

function handlerEnvironment(place: HaproxyPlace): Record<string, string> {
  const [node, program] = gossipd;
  const command = join(place.folder, "gossipd");
  writeFileSync(command, `#!/bin/sh\nexec '${node}' '${program}' "$@"\n`, { mode: 0o755 });
  return {
    GOSSIPD: command,
    HAPROXY_CFG: place.config,
    HAPROXY_BEGIN: "# gossipd begin web",
    HAPROXY_END: "# gossipd end web",
    HAPROXY_SERVER_OPTIONS: "check",
    HAPROXY_MASTER_SOCKET: place.masterSocket,
    HAPROXY_PID_FILE: place.pidFile,
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  };
}

/** The file for `-lb`. */
export function lbConfig(
  place: Pick<HaproxyPlace, "folder" | "config" | "masterSocket">,
  { lb = {}, balancer = {}, pool = {} }: Pick<StageOptions, "lb" | "balancer" | "pool">,
): unknown {
  return {
    state_dir: join(place.folder, "lb"),
    ...lb,
    balancers: [
      {
        name: "edge",
        kind: "haproxy",
        config: place.config,
        master_socket: place.masterSocket,
        slots: 16,
        ...balancer,
        pools: [{ name: "web", members: "role=web", server_options: "check", ...pool }],
      },
    ],
  };
}
