import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Millis } from "../base/units.js";
import type { Outcome } from "./tally.js";

/** How long a client waits for an answer before it counts the request as lost. */
const patience: Millis = 5_000;

export interface LoadOptions {
  readonly ip: string;
  readonly port: number;
  /** Clients that open a connection for each request. */
  readonly fresh: number;
  /** Clients that keep their connection for as long as the other side allows. */
  readonly kept: number;
  /** How long each client pauses between an answer and its next request. */
  readonly pause: Millis;
  readonly onOutcome: (outcome: Outcome) => void;
}

/**
 * A stream of requests. A client never repeats a request: what fails is lost, as its user would see
 * it. Like every real client it looks whether its kept connection was closed before it uses it
 * again. Every fourth request is a POST, which a balancer may not repeat either.
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[] = [];
  #running = true;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    const { fresh, kept } = this.#options;
    for (let index = 0; index < fresh; index += 1) this.#clients.push(this.#run(false));
    for (let index = 0; index < kept; index += 1) this.#clients.push(this.#run(true));
  }

  /** Resolves when the last request has its answer, or is lost. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }

  async #run(keepAlive: boolean): Promise<void> {
    const { pause, onOutcome } = this.#options;
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    for (let turn = 1; this.#running; turn += 1) {
      onOutcome(await this.#ask(agent, turn % 4 === 0 ? "POST" : "GET"));
      await sleep(pause * (0.5 + Math.random()));
    }
    agent.destroy();
  }

  #ask(agent: Agent, method: string): Promise<Outcome> {
    const { ip: host, port } = this.#options;
    const began = performance.now();
    return new Promise((resolve) => {
      const lose = (why: string) =>
        resolve({ kind: "lost", began, took: performance.now() - began, why });
      const asked = request({ host, port, method, agent, path: "/" });
      const timer = setTimeout(() => {
        lose(`${method} without an answer`);
        asked.destroy();
      }, patience);
      asked.once("close", () => clearTimeout(timer));
      asked.once("error", (error: NodeJS.ErrnoException) =>
        lose(`${method} ${error.code ?? error.message}`),
      );
      asked.once("response", (response) => {
        readName(response).then(
          (by) => {
            if (response.statusCode !== 200) return lose(`${method} status ${response.statusCode}`);
            resolve({ kind: "answered", began, took: performance.now() - began, by });
          },
          (error: NodeJS.ErrnoException) => lose(`${method} ${error.code ?? error.message}`),
        );
      });
      asked.end(method === "POST" ? "a few bytes" : undefined);
    });
  }
}

async function readName(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return text.trim();
}
