import { type ChildProcess, spawn } from "node:child_process";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import type { ListedMember, Ran, Sandbox } from "../handlers/sandbox.js";
import { until } from "../support/wait.js";

/** A web server that says its name, as a member of the role web. */
export async function webNode(name: string, ip: string): Promise<ListedMember> {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, ip, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { name, ip, tags: { role: "web", port: String(port) } };
}

/** Starts a program in the sandbox; it is ended with the test. What it says is kept. */
export function start(
  box: Sandbox,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; said: string } {
  const child = spawn(program, args, {
    cwd: box.dir,
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...environment },
  });
  const started = { child, said: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      started.said += text;
    });
  }
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return started;
}

export interface Answer {
  /** 0 if there was none. */
  readonly status: number;
  readonly text: string;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** One GET; never rejects. A connection of its own unless `agent` keeps some. */
export function get(target: Target, agent: Agent | false = false): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = request({ ...target, agent, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.once("error", (error) => resolve({ status: 0, text: error.message }));
    });
    asked.once("timeout", () => asked.destroy(new Error("no answer")));
    asked.once("error", (error) => resolve({ status: 0, text: error.message }));
    asked.end();
  });
}

/** Requests without a pause, until the test ends or {@link Traffic.stop}. */
export class Traffic {
  answered = 0;
  readonly lost: Answer[] = [];
  /** Who answered since {@link Traffic.forget}. */
  readonly by = new Set<string>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #loops: Promise<void>[] = [];
  #stopped = false;

  /** `kept` clients keep their connections, `fresh` ones connect for each request. */
  constructor(target: Target, clients: { readonly kept: number; readonly fresh: number }) {
    for (let count = 0; count < clients.kept; count += 1) this.#begin(target, this.#agent);
    for (let count = 0; count < clients.fresh; count += 1) this.#begin(target, false);
    onTestFinished(() => this.stop());
  }

  /** Waits for more answers, so that something was under way meanwhile. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count;
    await until(`${count} more answers`, () => this.answered >= goal, { every: 5 });
  }

  forget(): void {
    this.by.clear();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  #begin(target: Target, agent: Agent | false): void {
    this.#loops.push(this.#loop(target, agent));
  }

  async #loop(target: Target, agent: Agent | false): Promise<void> {
    while (!this.#stopped) {
      const answer = await get(target, agent);
      if (answer.status === 200) {
        this.answered += 1;
        this.by.add(answer.text);
      } else {
        this.lost.push(answer);
      }
    }
  }
}

/** Waits until exactly these answer, all of them, for a good number of requests on end. */
export async function servedBy(target: Target, names: readonly string[]): Promise<void> {
  let last: string[] = [];
  await until(
    `served by ${names.join(", ")}`,
    async () => {
      const answers = await Promise.all(
        Array.from({ length: 6 * Math.max(1, names.length) }, () => get(target)),
      );
      last = [...new Set(answers.map(({ status, text }) => (status === 200 ? text : `${status}`)))];
      return last.sort().join() === [...names].sort().join();
    },
    { last: () => last },
  );
}

/** What a script that did its work gives back. */
export const done: Ran = { status: 0, stdout: "", stderr: "" };

/** A proxy whose server list a handler writes. */
interface Box {
  readonly target: Target;
  update(members: readonly ListedMember[]): Promise<Ran>;
  /** What the proxy said so far. */
  said(): string;
}

/** Three web servers at `ips` come and go under a stream of requests, of which none may be lost. */
export async function expectLossless(
  box: Box,
  ips: readonly [string, string, string],
  clients: { readonly kept: number; readonly fresh: number },
): Promise<void> {
  const a = await webNode("web-a", ips[0]);
  const b = await webNode("web-b", ips[1]);
  const c = await webNode("web-c", ips[2]);
  expect(await box.update([a, b])).toEqual(done);
  await servedBy(box.target, ["web-a", "web-b"]);
  const traffic = new Traffic(box.target, clients);
  await traffic.more(100);
  for (const members of [[a, b, c], [b, c], [c], [a, c], [a, b, c]]) {
    expect(await box.update(members)).toEqual(done);
    await traffic.more(100);
    await servedBy(
      box.target,
      members.map(({ name }) => name),
    );
  }
  await traffic.stop();
  expect(traffic.lost, box.said()).toEqual([]);
  expect(traffic.answered).toBeGreaterThan(600);
}
