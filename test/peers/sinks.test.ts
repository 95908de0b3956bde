import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, type Kind, loopbackNet } from "../support/agents.js";
import { missingNamespaces } from "../support/network.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

const kinds: readonly Kind[] = ["serf", "gossipd"];
const ip = loopbackNet();

/** What Serf measures and we do not. */
const onlySerfs = new Set([
  // CPU time of one round, which the core cannot tell as it has no clock.
  "memberlist.gossip|ms",
  // Of Go's memory; what Node.js knows comes as alloc_bytes and sys_bytes.
  "runtime.free_count|g",
  "runtime.heap_objects|g",
  "runtime.malloc_count|g",
]);

/** What later versions of Serf measure than the one compared with. */
const newer =
  /^memberlist\.(health\.score|node\.instances\.\w+|queue\.broadcasts|size\.(local|remote))\|/;

/** Comes by chance: when memory was collected, or half a minute after a random time. */
const byChance = /^(runtime\.gc_pause_ns|memberlist\.pushPullNode|memberlist\.degraded\.\w+)\|/;

/** A server for each of statsd and statsite that keeps what it gets. */
class MetricServer {
  readonly packets: string[] = [];
  stream = "";
  readonly #udp: Socket;
  readonly #tcp: Server;

  constructor() {
    this.#udp = createSocket("udp4").bind(0, "127.0.0.1");
    this.#udp.on("message", (packet) => this.packets.push(String(packet)));
    this.#tcp = createServer((client) => {
      client.on("error", () => {});
      client.on("data", (part) => {
        this.stream += String(part);
      });
    }).listen(0, "127.0.0.1");
  }

  async settings(): Promise<object> {
    if (!this.#tcp.listening) await once(this.#tcp, "listening");
    const { port } = this.#tcp.address() as AddressInfo;
    return {
      statsd_addr: `127.0.0.1:${this.#udp.address().port}`,
      statsite_addr: `127.0.0.1:${port}`,
    };
  }

  get lines(): string[] {
    return this.packets.join("").split("\n").slice(0, -1);
  }

  /** What was measured, without prefix, host and value. */
  get names(): string[] {
    const names = this.lines.map((line) =>
      line
        .replace(/:[^:|]*\|/, "|")
        .replace("serf-agent.", "")
        .replace(`${hostname()}.`, ""),
    );
    return [...new Set(names)].sort();
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }
}

describe.skipIf(missingPrograms("serf").length > 0)("metrics, ours and Serf's", () => {
  const directory = mkdtempSync(join(tmpdir(), "gossipd-sinks-"));
  const servers = new Map<Kind, MetricServer>();
  const agents = new Map<Kind, Agent>();

  const server = (kind: Kind): MetricServer => servers.get(kind) as MetricServer;
  const agent = (kind: Kind): Agent => agents.get(kind) as Agent;

  beforeAll(async () => {
    for (const [index, kind] of kinds.entries()) {
      const metrics = new MetricServer();
      servers.set(kind, metrics);
      const file = join(directory, `${kind}.json`);
      writeFileSync(file, JSON.stringify(await metrics.settings()));
      const args = [
        `-config-file=${file}`,
        `-snapshot=${join(directory, kind)}`,
        "-event-handler=cat > /dev/null; echo a:b c",
      ];
      agents.set(kind, await Agent.start({ kind, name: kind, ip: ip(index + 1), args }));
    }
    for (const [one, other] of [kinds, kinds.toReversed()] as [Kind, Kind][]) {
      await agent(one).cli(["join", agent(other).gossip]);
      await agent(one).cli(["event", `event of:${one}`, "payload"]);
      await agent(one).cli(["query", "-timeout=1s", "question"]);
    }
    // The queues are looked at every half a minute.
    for (const kind of kinds) {
      await until(
        `${kind} tells of its queues`,
        () => server(kind).names.includes("serf.queue.Query|ms"),
        { timeout: 45_000, last: () => server(kind).names },
      );
    }
  });

  afterAll(async () => {
    for (const one of agents.values()) await one.end();
    for (const one of servers.values()) one.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test("the same things are measured", () => {
    const compared = (kind: Kind): string[] =>
      server(kind).names.filter((name) => {
        return !onlySerfs.has(name) && !newer.test(name) && !byChance.test(name);
      });
    expect(compared("gossipd")).toEqual(compared("serf"));
    expect(compared("gossipd")).toContain("serf.events.event_of_serf|c");
  });

  test.each(kinds)("%s sends lines of one form, in packets that are not too long", (kind) => {
    const { lines, packets } = server(kind);
    const form = /^serf-agent\.[^\s:]+:-?\d+\.\d{6}\|(c|g|ms)$/;
    expect(lines.filter((line) => !form.test(line))).toEqual([]);
    expect(lines.filter((line) => /\|g$/.test(line) && !line.includes(hostname()))).toEqual([]);
    for (const packet of packets) {
      expect(packet.endsWith("\n")).toBe(true);
      expect(packet.length).toBeLessThanOrEqual(1_400);
    }
  });

  test.each(kinds)("%s tells a statsite server the same", async (kind) => {
    const one = server(kind);
    const line = one.lines.findLast((text) => text.includes("serf.queue.Query:")) as string;
    await until("it is there as well", () => one.stream.includes(`${line}\n`));
  });

  test.each(kinds)("%s dumps its metrics in one form", async (kind) => {
    agent(kind).signal("SIGUSR1");
    const last = (): string => agent(kind).errors;
    await until("the dump is complete", () => last().includes("serf.events'"), { last });
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    const zone = String.raw`[+-]\d{4} [A-Z0-9+-]+`;
    const number = String.raw`-?\d+\.\d{3}`;
    const spread = `( Min: ${number} Mean: ${number} Max: ${number} Stddev: ${number})?`;
    const updated = String.raw`LastUpdated: ${time}(\.\d+)? ${zone} m=\+\d+\.\d{9}`;
    const form = new RegExp(
      String.raw`^\[${time.slice(0, -2)}0 ${zone}\](\[G\] '[^']+': ${number}|` +
        String.raw`\[[CS]\] '[^']+': Count: \d+${spread} Sum: ${number} ${updated})$`,
    );
    const lines = last().trimEnd().split("\n");
    expect(lines.filter((line) => !form.test(line))).toEqual([]);
    const invoked = "[S] 'serf-agent.agent.invoke.cat_>_/dev/null;_echo_a:b_c': Count: ";
    for (const part of [invoked, "[G] ", " Stddev: ", "[C] 'serf-agent.serf.events': Count: "]) {
      expect(lines.some((line) => line.includes(part))).toBe(true);
    }
  });
});

const noSyslog = missingPrograms("serf", "socat", "logger", "unshare").length > 0;

describe.skipIf(noSyslog || missingNamespaces() !== undefined)("syslog, ours and Serf's", () => {
  const directory = mkdtempSync(join(tmpdir(), "gossipd-syslog-"));
  const daemons: ChildProcess[] = [];
  const agents: Agent[] = [];

  afterAll(async () => {
    for (const one of agents) await one.end();
    for (const one of daemons) one.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Starts a daemon, and an agent that finds it where daemons are; what the agent told it. */
  async function logOf(kind: Kind, host: number): Promise<string[]> {
    const run = join(directory, kind);
    const socket = join(run, "syslog");
    mkdirSync(run);
    const daemon = spawn("socat", ["-u", `UNIX-RECV:${socket}`, "STDOUT"]);
    daemons.push(daemon);
    let text = "";
    daemon.stdout.on("data", (part) => {
      text += String(part);
    });
    await until("the daemon listens", () => existsSync(socket));
    const mounts = `mount --bind ${run} /run; if [ -S /dev/log ]; then mount --bind ${socket} /dev/log; fi`;
    const agent = await Agent.start({
      kind,
      name: "member",
      ip: ip(host),
      args: ["-syslog", "-log-level=info", "-event-handler=member-join=exit 3"],
      within: [
        "unshare",
        "-m",
        "--propagation",
        "private",
        "sh",
        "-c",
        `${mounts}; exec "$@"`,
        "sh",
      ],
    });
    agents.push(agent);
    await until("the handler has run", () => text.includes("exit status 3"), { last: () => text });
    agent.signal("SIGINT");
    expect(await agent.exited).toBe(0);
    await until("all is told", () => text.includes("EventMemberLeave"));
    expect(text).toContain(` serf[${agent.pid}]: `);
    const lines = text
      .replaceAll(/>\w{3} [ \d]\d \d\d:\d\d:\d\d serf\[\d+\]: /g, ">TIME serf[PID]: ")
      .replaceAll(ip(host), "IP")
      .replaceAll("Gossipd", "Serf")
      .split(/(?=<\d+>TIME)/)
      // logger leaves the newline away that Go adds.
      .map((line) => line.replace(/\n$/, ""));
    const left = lines.findIndex((line) => line.includes("EventMemberLeave"));
    return lines.slice(0, left + 1);
  }

  test("both say the same in the same form", async () => {
    const stock = await logOf("serf", 11);
    expect(stock).toEqual([
      "<133>TIME serf[PID]: agent: Serf agent starting",
      "<133>TIME serf[PID]: serf: EventMemberJoin: member IP",
      "<133>TIME serf[PID]: agent: Received event: member-join",
      "<131>TIME serf[PID]: agent: Error invoking script 'exit 3': exit status 3",
      "<133>TIME serf[PID]: agent: requesting graceful leave from Serf",
      "<133>TIME serf[PID]: serf: EventMemberLeave: member IP",
    ]);
    expect(await logOf("gossipd", 12)).toEqual(stock);
  });
});
