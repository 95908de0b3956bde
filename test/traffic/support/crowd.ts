import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "#lib/index.js";

/**
 * The process `crowd.js JOIN PORT SPREAD NAME=IP...`: many members with a web server each, in one
 * process, since fifty programs cannot start within two seconds on a small machine. Orders come on
 * stdin, one per line:
 *
 *   join          all join, one after the other, over SPREAD ms; their agents run already
 *   flap PERIOD   each dies, server and all, and comes back, again and again: PERIOD ms in all
 *   stay          they come back a last time and stay
 *   leave         all leave, and their web servers stay
 *
 * What was done is told on stdout: `listening`, then `joined`, `stays`, `left`.
 */
const [join = "", port = "", spread = "", ...places] = process.argv.slice(2);

class CrowdMember {
  readonly name: string;
  readonly ip: string;
  #agent: Agent | undefined;
  #server: Server | undefined;

  constructor(place: string) {
    const [name = "", ip = ""] = place.split("=");
    this.name = name;
    this.ip = ip;
  }

  async listen(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
      request.resume();
      response.setHeader("x-served-by", this.name);
      response.end(`${this.name}\n`);
    });
    await new Promise<void>((resolve) => server.listen(Number(port), this.ip, resolve));
    this.#server = server;
  }

  /** Its agent runs, alone. */
  async start(): Promise<void> {
    const { ip, name } = this;
    this.#agent ??= await Agent.start({ name, bind: ip, tags: { role: "web", port } });
  }

  async join(): Promise<void> {
    await this.#agent?.join([join]);
  }

  async leave(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.leave();
  }

  /** As if its machine had lost its power. */
  async fall(): Promise<void> {
    const server = this.#server;
    const agent = this.#agent;
    this.#server = undefined;
    this.#agent = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    await agent?.stop();
  }

  async rise(): Promise<void> {
    await this.listen();
    await this.start();
    await this.join();
  }
}

const members = places.map((place) => new CrowdMember(place));
let flapping = false;

/** Down for two thirds of the period: long enough to be missed. */
async function flap(member: CrowdMember, period: number, offset: number): Promise<void> {
  await sleep(offset);
  while (flapping) {
    const began = performance.now();
    await member.fall();
    await sleep((2 / 3) * period);
    await member.rise();
    await sleep(period - (performance.now() - began));
  }
}

const orders: Readonly<Record<string, (value: number) => Promise<void>>> = {
  join: async () => {
    const began = performance.now();
    const comings = members.map(async (member, index) => {
      await sleep((Number(spread) * index) / members.length);
      await member.join();
    });
    await Promise.all(comings);
    process.stdout.write(`joined in ${(performance.now() - began).toFixed(0)} ms\n`);
  },
  flap: async (period) => {
    flapping = true;
    await Promise.all(
      members.map((member, index) => flap(member, period, (period * index) / members.length)),
    );
    process.stdout.write("stays\n");
  },
  stay: async () => {
    flapping = false;
  },
  leave: async () => {
    await Promise.all(members.map((member) => member.leave()));
    process.stdout.write("left\n");
  },
};

process.stdin.setEncoding("utf8").on("data", (text: string) => {
  for (const line of text.split("\n").filter(Boolean)) {
    const [order = "", value = ""] = line.split(" ");
    orders[order]?.(Number(value)).catch((error: Error) => {
      process.stderr.write(`${line}: ${error.message}\n`);
      process.exit(1);
    });
  }
});
// Who started us is gone.
process.stdin.on("end", () => process.exit(0));
for (const member of members) {
  await member.listen();
  await member.start();
}
process.stdout.write("listening\n");
