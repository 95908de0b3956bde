import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { LbStatus } from "../../src/lb/status.js";
import type { Deed } from "../../src/observe/deed.js";
import type { MemberInfo, SelfInfo } from "../../src/observe/member-info.js";

const pageFile = new URL("../../dist/bundle/page/page.html", import.meta.url);

/** What the page is told: an agent of which a test says everything. */
export class ScriptedAgent {
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  readonly #members = new Map<string, MemberInfo>();
  #entries: { seq: number; at: string; deed: Deed }[] = [];
  #port = 0;
  self: SelfInfo;
  lb: LbStatus | undefined;
  /** Of its clock to that of the browser, in milliseconds. */
  clockAhead = 0;
  /** Why it takes no event stream; undefined: it does. */
  refusal: string | undefined;

  constructor(members: readonly MemberInfo[], self: Partial<SelfInfo> = {}) {
    for (const member of members) this.#members.set(member.name, member);
    this.self = { ...selfNamed(members[0]?.name ?? "n1"), ...self };
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** On the port that it had before, if it was started already. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Event streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** As a process that ends: all connections break, and nobody listens. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Is another run, which has nothing on record. */
  forget(): void {
    this.#entries = [];
    this.self = { ...this.self, startedAt: new Date().toISOString() };
  }

  member(name: string): MemberInfo {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  }

  /** Tells of members that are now so; `event` as handlers know it. */
  set(event: string, ...members: readonly MemberInfo[]): void {
    for (const member of members) this.#members.set(member.name, member);
    this.#send("member", { at: new Date(this.#now()).toISOString(), event, members });
  }

  /** Is so from now on, and nobody is told. */
  setSilently(...members: readonly MemberInfo[]): void {
    for (const member of members) this.#members.set(member.name, member);
  }

  note(deed: Deed, at = this.#now()): void {
    const entry = { seq: this.#entries.length + 1, at: new Date(at).toISOString(), deed };
    this.#entries.push(entry);
    this.#send("deed", entry);
  }

  #now(): number {
    return Date.now() + this.clockAhead;
  }

  #send(event: string, data: unknown): void {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.#streams) stream.write(text);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    response.setHeader("date", new Date(this.#now()).toUTCString());
    if (path === "/") this.#page(response);
    else if (path === "/v1/events" && this.refusal === undefined) this.#stream(response);
    else this.#tell(path, response);
  }

  #tell(url: string, response: ServerResponse): void {
    const [path = "", query = ""] = url.split("?");
    const body = this.#body(path, Number(/^after=(\d+)$/.exec(query)?.[1] ?? 0));
    response.writeHead(body === undefined ? 503 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? { error: { code: "unavailable", message: this.refusal } }));
  }

  #body(path: string, after: number): unknown {
    switch (path) {
      case "/v1/members":
        return [...this.#members.values()];
      case "/v1/self":
        return { ...this.self, balancers: this.lb?.balancers.map(({ name }) => name) ?? [] };
      case "/v1/chronicle":
        return { entries: this.#entries.filter(({ seq }) => seq > after) };
      case "/v1/lb":
        return this.lb;
    }
    return undefined;
  }

  #page(response: ServerResponse): void {
    const html = readFileSync(pageFile, "utf8");
    const hashOf = (tag: string) => {
      const text = new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(html)?.[1] ?? "";
      return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    };
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; script-src ${hashOf("script")}; style-src ${hashOf("style")}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    });
    response.end(html);
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.write("retry: 1000\n\n");
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }
}

function selfNamed(name: string): SelfInfo {
  return {
    name,
    address: "10.0.0.1:7946",
    version: "0.1.0",
    startedAt: new Date(Date.now() - 3 * 3_600_000).toISOString(),
    joined: true,
    settled: true,
    encrypted: true,
    health: 0,
    isolated: false,
    loopDelayMillis: { p50: 0.4, p99: 3.1, max: 11 },
    rssBytes: 61_000_000,
    members: { alive: 0, leaving: 0, left: 0, failed: 0, suspected: 0 },
    balancers: [],
    handlers: 2,
    profile: "lan",
  };
}

/** A member that is alive, with what a test says of it besides. */
export function memberInfo(name: string, traits: Partial<MemberInfo> = {}): MemberInfo {
  const protocol = { min: 1, max: 5, current: 2 };
  return {
    name,
    address: "10.0.0.1:7946",
    ip: "10.0.0.1",
    port: 7946,
    status: "alive",
    tags: {},
    protocol,
    delegate: protocol,
    rttMillis: 0.5,
    lastRttMillis: 0.4,
    lastAckedAt: new Date().toISOString(),
    lostProbes: 0,
    suspectedBy: [],
    suspectedSince: null,
    ...traits,
  };
}
