import { isConsent } from "../../../src/lb/haproxy/runtime-perform.js";
import { placeholder, type ServerLine } from "../../../src/lb/haproxy/server-lines.js";
import type { ServedServer } from "../../../src/lb/model.js";

interface ModelServer {
  ip: string;
  port: number;
  weight: number;
  state: "ready" | "drain" | "maint";
  inUse: number;
  idle: number;
  changedAt: number;
}

/**
 * The servers of one backend of HAProxy as far as the runtime socket shows them, after what was
 * measured: connections are kept after a request, and closed on the way into maintenance and by a new
 * address. Writes down what must never happen.
 */
export class HaproxyModel {
  readonly backend: string;
  readonly servers = new Map<string, ModelServer>();
  readonly mistakes: string[] = [];
  /** Usable servers after each command. */
  readonly ready: number[] = [];
  now = 0;

  constructor(backend: string, lines: readonly ServerLine[]) {
    this.backend = backend;
    this.load(lines);
  }

  /** A new process with what the file says; the old one keeps what is under way. */
  load(lines: readonly ServerLine[]): void {
    this.servers.clear();
    for (const { name, ip, port, weight = 1, disabled } of lines) {
      const state = disabled ? "maint" : "ready";
      this.servers.set(name, { ip, port, weight, state, inUse: 0, idle: 0, changedAt: this.now });
    }
  }

  observed(pool: string, lines: readonly ServerLine[]): ServedServer[] {
    const owners = new Map(lines.map((line) => [line.name, line]));
    return [...this.servers].map(([name, server]) => {
      const line = owners.get(name);
      const same = line?.ip === server.ip && line.port === server.port;
      const { changedAt, ...rest } = server;
      const node = same ? line.node : undefined;
      return { pool, name, node, up: true, unchangedFor: this.now - changedAt, ...rest };
    });
  }

  run(commands: readonly string[]): void {
    for (const command of commands) {
      const answer = this.#answer(command);
      if (!isConsent(command, answer)) this.mistakes.push(`${command}: ${answer}`);
      this.ready.push(this.usable().length);
    }
  }

  usable(): readonly string[] {
    return [...this.servers].flatMap(([name, { state, weight }]) =>
      state === "ready" && weight > 0 ? [name] : [],
    );
  }

  /** A request begins on one of the servers that get any. */
  begin(choice: number): void {
    const usable = this.usable();
    const server = this.servers.get(usable[choice % Math.max(1, usable.length)] ?? "");
    if (server === undefined) return;
    if (server.ip === placeholder.ip && server.port === placeholder.port) {
      this.mistakes.push("a request to a free slot");
    }
    server.inUse += 1;
    if (server.idle > 0) server.idle -= 1;
  }

  /** A request ends, and its connection is kept. */
  end(choice: number): void {
    const busy = [...this.servers.values()].filter(({ inUse }) => inUse > 0);
    const server = busy[choice % Math.max(1, busy.length)];
    if (server === undefined) return;
    server.inUse -= 1;
    server.idle += 1;
  }

  #answer(command: string): string {
    const words = command.split(" ");
    if (words[1] === "server" && (words[0] === "add" || words[0] === "del")) {
      return this.#addOrDelete(words);
    }
    const [backend, name = ""] = (words[2] === "server" ? words[3] : words[2])?.split("/") ?? [];
    const server = backend === this.backend ? this.servers.get(name) : undefined;
    if (server === undefined) return "No such server.";
    if (words[0] === "enable") return "";
    if (words[0] === "shutdown") {
      server.inUse = 0;
      return "";
    }
    if (words[3] === "state") return this.#setState(server, words[4] ?? "");
    if (words[3] === "weight") {
      server.weight = Number(words[4]);
      return "";
    }
    if (words[3] !== "addr") return "Unknown command";
    const live = server.state !== "maint" || server.inUse > 0;
    const moves = server.ip !== words[4] || server.port !== Number(words[6]);
    if (live && moves) this.mistakes.push(`${command}: but it is in service`);
    server.ip = words[4] ?? "";
    server.port = Number(words[6]);
    server.idle = 0;
    return "no need to change the addr, no need to change the port by 'stats socket command'";
  }

  #addOrDelete(words: readonly string[]): string {
    const [backend, name = ""] = words[2]?.split("/") ?? [];
    const server = this.servers.get(name);
    if (backend !== this.backend) return "No such backend.";
    if (words[0] === "add") {
      if (server !== undefined) return "Already exists a server with the same name in backend.";
      const end = words[3]?.lastIndexOf(":") ?? 0;
      const weight = Number(words[words.indexOf("weight") + 1]);
      const ip = words[3]?.slice(0, end) ?? "";
      const port = Number(words[3]?.slice(end + 1));
      const rest = { state: "maint", inUse: 0, idle: 0, changedAt: this.now } as const;
      this.servers.set(name, { ip, port, weight, ...rest });
      return "New server registered.";
    }
    if (server === undefined) return "No such server.";
    if (server.state !== "maint") return "Only servers in maintenance mode can be deleted.";
    if (server.inUse + server.idle > 0) {
      return "Server still has connections attached to it, cannot remove it.";
    }
    this.servers.delete(name);
    return "Server deleted.";
  }

  #setState(server: ModelServer, state: string): string {
    if (state !== "ready" && state !== "drain" && state !== "maint") return "expects ...";
    if (state === "maint" && server.state !== "maint") server.idle = 0;
    if (state !== server.state) server.changedAt = this.now;
    server.state = state;
    return "";
  }
}
