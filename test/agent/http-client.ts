import { expect } from "vitest";
import type { Agent, AgentOptions } from "../support/agents.js";
import { until } from "../support/wait.js";
import { freshIp, type StartAgent } from "./agent-process.js";

export function httpUrl({ ip }: Agent): string {
  return `http://${ip}:7380`;
}

/** An agent that serves HTTP at {@link httpUrl}; named `a`, with quick timing. */
export function withHttp(
  start: StartAgent,
  args: readonly string[] = [],
  over: Partial<AgentOptions> = {},
): Promise<Agent> {
  const ip = freshIp();
  return start([`-http-addr=${ip}:7380`, "-profile=local", ...args], { ip, ...over });
}

interface StreamEvent {
  readonly name: string;
  readonly data: unknown;
}

/** The events of one connection. */
export class EventReader {
  readonly #stop: AbortController;
  #text = "";

  constructor(answer: Response, stop: AbortController) {
    this.#stop = stop;
    void this.#read(answer.body as unknown as AsyncIterable<Uint8Array>);
  }

  get all(): StreamEvent[] {
    const found = this.#text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm);
    return [...found].map(([, name = "", data = ""]) => ({ name, data: JSON.parse(data) }));
  }

  get names(): string[] {
    return this.all.map(({ name }) => name);
  }

  get lastId(): string {
    return [...this.#text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? "";
  }

  /** Waits for an event that has at least what `wanted` has. */
  async until(name: string, wanted: object): Promise<void> {
    const isIt = (event: StreamEvent): boolean => {
      try {
        expect(event.data).toMatchObject(wanted);
        return event.name === name;
      } catch {
        return false;
      }
    };
    await until(`${name} ${JSON.stringify(wanted)}`, () => this.all.some(isIt), {
      every: 20,
      last: () => this.#text.slice(-2_000),
    });
  }

  close(): void {
    this.#stop.abort();
  }

  async #read(parts: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const part of parts) this.#text += Buffer.from(part).toString();
    } catch {
      // It was closed, here or there.
    }
  }
}

/** What the agent tells from now on, or after the event `lastId`. */
export async function eventsOf(agent: Agent, lastId?: string): Promise<EventReader> {
  const stop = new AbortController();
  const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
  const answer = await fetch(`${httpUrl(agent)}/v1/events`, { headers, signal: stop.signal });
  return new EventReader(answer, stop);
}
