import { readComplaint, readNews, startAgent } from "./agent.js";
import type { Children } from "./children.js";
import { after, type Change, type Expectation } from "./expectation.js";
import type { LoadBalancer } from "./load-balancer.js";
import type { Loopback } from "./loopback.js";
import { WebNode, type WebNodePlace } from "./web-node.js";
import type { Workshop } from "./workshop.js";

/** The balancer is host 10; every web node that starts gets the next address. */
const balancerHost = 10;

/** What a user may ask for. Where a node goes is for the cluster to say. */
export interface Step {
  readonly kind: Change["kind"];
  readonly name: string;
}

/** A step and where it happens. */
export interface Plan {
  readonly change: Change;
  /** Of a node that starts. */
  readonly place: WebNodePlace | undefined;
}

export interface ClusterParts {
  readonly children: Children;
  readonly workshop: Workshop;
  readonly loopback: Loopback;
  readonly proxy: LoadBalancer;
  /** SIGTERM, or what makes the agent leave that stands in for gossipd. */
  readonly leaveSignal: NodeJS.Signals;
  /** True if a name may return elsewhere soon after it failed. */
  readonly killedReturn: boolean;
  readonly tell: (who: string, text: string) => void;
}

/** The nodes of the demo: what runs, what was stopped, and what the balancer should serve. */
export class Cluster {
  expected: Expectation = new Map();
  readonly #parts: ClusterParts;
  readonly #running = new Map<string, WebNode>();
  /** Nodes that are gone and may return, the last one last. */
  readonly #gone = new Set<string>();
  /** The address of the balancer's agent, which everybody joins. */
  #seed = "";
  #hostsUsed = 0;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
  }

  /** The names of the web nodes, web2 before web10. */
  get running(): string[] {
    const names = [...this.#running.keys()];
    return names.sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  }

  get gone(): string[] {
    return [...this.#gone];
  }

  get killedReturn(): boolean {
    return this.#parts.killedReturn;
  }

  /** Members of the group, the balancer's agent included. */
  get members(): number {
    return this.#running.size + 1;
  }

  async startBalancerAgent(): Promise<void> {
    const { children, workshop, loopback, proxy, tell } = this.#parts;
    const ip = loopback.address(balancerHost);
    const port = await loopback.freePort(ip);
    await startAgent(children, workshop, {
      name: "balancer",
      ip,
      port,
      rpcPort: await loopback.freePort(ip),
      tags: { role: "balancer" },
      handler: proxy.handler,
      onLine: (line) => {
        const news = readNews(line);
        if (news !== undefined) tell(news.name, `${news.what}, says the balancer's agent`);
        const complaint = readComplaint(line);
        if (complaint !== undefined) tell("handler", complaint);
      },
    });
    this.#seed = `${ip}:${port}`;
  }

  /** Decides where `step` happens, and expects its outcome from now on. */
  async plan(step: Step): Promise<Plan> {
    const { kind, name } = step;
    if (kind === "stop" || kind === "kill") {
      this.expected = after(this.expected, { kind, name });
      return { change: { kind, name }, place: undefined };
    }
    const place = await this.#newPlace(name);
    const change = { kind, name, address: `${place.ip}:${place.webPort}` };
    this.expected = after(this.expected, change);
    return { change, place };
  }

  /** The part of a change that the balancer is to follow. */
  async begin({ change, place }: Plan): Promise<void> {
    const { children, workshop, leaveSignal, tell } = this.#parts;
    if (place !== undefined) {
      const node = await WebNode.start(children, workshop, place, this.#seed);
      this.#running.set(place.name, node);
      this.#gone.delete(place.name);
      return;
    }
    const node = this.#running.get(change.name);
    if (node === undefined) return;
    if (change.kind === "kill") {
      this.#running.delete(change.name);
      tell(change.name, "its agent and its web server get a SIGKILL");
      await node.kill();
      if (this.killedReturn) this.#gone.add(change.name);
    } else {
      tell(change.name, "its agent leaves; its web server still answers");
      await node.leave(leaveSignal);
    }
  }

  /** What may only be done once the balancer has followed, and sends `node` nothing any more. */
  async finish({ change }: Plan): Promise<void> {
    const node = this.#running.get(change.name);
    if (change.kind !== "stop" || node === undefined) return;
    this.#running.delete(change.name);
    this.#gone.add(change.name);
    await node.stopServer();
    this.#parts.tell(change.name, "its web server has stopped");
  }

  async #newPlace(name: string): Promise<WebNodePlace> {
    const { loopback } = this.#parts;
    this.#hostsUsed += 1;
    const ip = loopback.address(balancerHost + this.#hostsUsed);
    return {
      name,
      ip,
      webPort: await loopback.freePort(ip),
      agentPort: await loopback.freePort(ip),
      rpcPort: await loopback.freePort(ip),
    };
  }
}
