import type { Millis } from "../base/units.js";
import { startAgent } from "./agent.js";
import type { Child, Children } from "./children.js";
import { untilReady } from "./patience.js";
import { demoProgram, type Workshop } from "./workshop.js";

const serverStartBound: Millis = 10_000;
/** How long an agent may take to leave, and a server to finish what is under way. */
const agentEndBound: Millis = 10_000;
const serverEndBound: Millis = 7_000;

/** Where a web node and its agent listen. */
export interface WebNodePlace {
  readonly name: string;
  readonly ip: string;
  readonly webPort: number;
  readonly agentPort: number;
  readonly rpcPort: number;
}

/** A web server and the agent beside it: two processes that share a machine, or would. */
export class WebNode {
  readonly place: WebNodePlace;
  readonly #server: Child;
  readonly #agent: Child;

  private constructor(place: WebNodePlace, server: Child, agent: Child) {
    this.place = place;
    this.#server = server;
    this.#agent = agent;
  }

  /** The server first: who is in the group can serve. `join` is the address of a member. */
  static async start(
    children: Children,
    workshop: Workshop,
    place: WebNodePlace,
    join: string,
  ): Promise<WebNode> {
    const { name, ip, webPort, agentPort, rpcPort } = place;
    const args = [demoProgram, "web-server", name, ip, String(webPort)];
    const server = children.start(`web server ${name}`, process.execPath, args);
    await untilReady(server, () => server.lastLines.includes("listening"), serverStartBound);
    const agent = await startAgent(children, workshop, {
      name,
      ip,
      port: agentPort,
      rpcPort,
      tags: { role: "web", port: String(webPort) },
      join,
    });
    return new WebNode(place, server, agent);
  }

  /** The agent leaves the group. The server goes on: the balancer does not know yet. */
  async leave(signal: NodeJS.Signals): Promise<void> {
    await this.#agent.end(signal, agentEndBound);
  }

  async stopServer(): Promise<void> {
    await this.#server.end("SIGTERM", serverEndBound);
  }

  /** `kill -9` to both, as if the machine had lost its power. */
  async kill(): Promise<void> {
    this.#agent.kill();
    this.#server.kill();
    await Promise.all([this.#agent.ended, this.#server.ended]);
  }
}
