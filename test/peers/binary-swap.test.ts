import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Agent, type Kind, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { pause, until } from "../support/wait.js";

const firstKey = "MDEyMzQ1Njc4OWFiY2RlZg==";
const secondKey = "ZmVkY2JhOTg3NjU0MzIxMA==";
const name = "node one";

/** What an agent keeps on disk, whichever program it is. */
class Files {
  readonly #directory = mkdtempSync(join(tmpdir(), "gossipd-swap-"));

  constructor(rejoin: boolean) {
    writeFileSync(this.#path("keyring"), JSON.stringify([firstKey]));
    const config = {
      keyring_file: this.#path("keyring"),
      tags_file: this.#path("tags"),
      snapshot_path: this.#path("snapshot"),
      rejoin_after_leave: rejoin,
      log_level: "debug",
    };
    writeFileSync(this.#path("config.json"), JSON.stringify(config));
    onTestFinished(() => rmSync(this.#directory, { recursive: true, force: true }));
  }

  get flags(): string[] {
    return [`-config-file=${this.#path("config.json")}`];
  }

  read(file: "keyring" | "tags" | "snapshot"): string {
    return readFileSync(this.#path(file), "utf8");
  }

  #path(file: string): string {
    return join(this.#directory, file);
  }
}

const swaps: { from: Kind; to: Kind }[] = [
  { from: "serf", to: "gossipd" },
  { from: "gossipd", to: "serf" },
];

describe.skipIf(missingPrograms("serf").length > 0)("one program takes the other's place", () => {
  const ip = loopbackNet();
  let lastHost = 2;
  let peers: Agent[] = [];

  beforeAll(async () => {
    const encrypted = [`-encrypt=${firstKey}`];
    const one = await Agent.start({ kind: "serf", name: "p1", ip: ip(1), args: encrypted });
    const joining = [...encrypted, `-join=${one.gossip}`];
    const two = await Agent.start({ kind: "gossipd", name: "p2", ip: ip(2), args: joining });
    peers = [one, two];
  });

  afterAll(async () => {
    for (const agent of peers) await agent.end();
  });

  /** Starts the agent that is to be swapped; each test has it at an address of its own. */
  async function start(kind: Kind, host: number, args: readonly string[]): Promise<Agent> {
    const agent = await Agent.start({ kind, name, ip: ip(host), args });
    onTestFinished(() => agent.end());
    return agent;
  }

  async function fire(event: string): Promise<void> {
    const { code } = await (peers[0] as Agent).cli(["event", "-coalesce=false", event]);
    expect(code).toBe(0);
  }

  async function untilReceived(agent: Agent, event: string): Promise<void> {
    const line = `Received event: user-event: ${event}\n`;
    await until(`${agent.kind} receives ${event}`, () => agent.output.includes(line), {
      last: () => agent.output,
    });
  }

  /** Waits until the peers and the agent show each other, it under its address and with its tags. */
  async function untilTogether(agent: Agent, tags: Record<string, string>): Promise<void> {
    const expected = { name, addr: agent.gossip, tags, status: "alive" };
    for (const peer of [...peers, agent]) {
      let seen: unknown;
      await until(
        `${peer.name} shows all`,
        async () => {
          const members = await peer.members();
          seen = members;
          const me = members.find((member) => member.name === name);
          const rest = members.filter((member) => member.name !== name);
          return (
            rest.length === 2 &&
            rest.every(({ status }) => status === "alive") &&
            JSON.stringify(me, ["name", "addr", "tags", "status", ...Object.keys(tags)]) ===
              JSON.stringify(expected, ["name", "addr", "tags", "status", ...Object.keys(tags)])
          );
        },
        { timeout: 60_000, every: 200, last: () => seen },
      );
    }
  }

  /** Makes the agent part of the cluster and gives it something to keep. */
  async function settle(agent: Agent, files: Files, run: string): Promise<void> {
    const joined = await agent.cli(["join", (peers[0] as Agent).gossip]);
    expect(joined.code).toBe(0);
    const tagged = await agent.cli(["tags", "-set", `colour=${run}`]);
    expect(tagged.stdout).toBe("Successfully updated agent tags\n");
    await untilTogether(agent, { colour: run });
    await fire(`${run}-old`);
    await untilReceived(agent, `${run}-old`);
    // Serf writes out what it buffers when something is added half a second later.
    await pause(700);
    await fire(`${run}-last`);
    await untilReceived(agent, `${run}-last`);
    const { stdout } = await agent.cli(["info"]);
    const next = Number(/event_time = (\d+)/.exec(stdout)?.[1]);
    const line = `event-clock: ${next - 1}\n`;
    await until("the event is in the snapshot", () => files.read("snapshot").includes(line));
  }

  async function change(operation: "-install" | "-use" | "-remove", key: string): Promise<void> {
    const { code, stdout } = await (peers[0] as Agent).cli(["keys", `${operation}=${key}`]);
    expect({ code, stdout }).toMatchObject({ code: 0 });
  }

  test.for(swaps)("$to goes on where a killed $from was", async ({ from, to }) => {
    const run = `kill-${from}`;
    const files = new Files(false);
    const host = ++lastHost;
    const before = await start(from, host, files.flags);
    await settle(before, files, run);
    await change("-install", secondKey);
    await change("-use", secondKey);
    await until("the keyring is written", () => files.read("keyring").includes(secondKey));
    before.signal("SIGKILL");
    await before.exited;

    const after = await start(to, host, files.flags);
    await untilTogether(after, { colour: run });
    await fire(`${run}-new`);
    await untilReceived(after, `${run}-new`);
    expect(after.output).not.toMatch(/user-event: .*-(old|last)\n/);
    expect(after.output).toContain("Attempting re-join to previously known node: p");
    // From here on the first key is of no use: it is encrypted with what the other had written.
    await change("-use", firstKey);
    await change("-remove", secondKey);
    await after.cli(["leave"]);
    await after.exited;
    expect(JSON.parse(files.read("keyring"))).toEqual([firstKey]);
  });

  test.for(swaps)("$to comes back after $from left, if told to", async ({ from, to }) => {
    const run = `leave-${from}`;
    const files = new Files(true);
    const host = ++lastHost;
    const before = await start(from, host, files.flags);
    await settle(before, files, run);
    await before.cli(["leave"]);
    await before.exited;
    expect(files.read("snapshot")).toMatch(/^leave$/m);

    const after = await start(to, host, files.flags);
    await untilTogether(after, { colour: run });
    await fire(`${run}-new`);
    await untilReceived(after, `${run}-new`);
    expect(after.output).not.toMatch(/user-event: .*-(old|last)\n/);
    await after.cli(["leave"]);
    await after.exited;
  });

  test.for(swaps)("$to stays away after $from left, if not told to", async ({ from, to }) => {
    const files = new Files(false);
    const host = ++lastHost;
    const before = await start(from, host, files.flags);
    await settle(before, files, `away-${from}`);
    await before.cli(["leave"]);
    await before.exited;

    const after = await start(to, host, files.flags);
    expect(await after.statuses()).toEqual({ [name]: "alive" });
    expect(after.output).not.toContain("re-join");
    await after.cli(["leave"]);
    await after.exited;
  });

  test.for(swaps)("$from and $to read each other's snapshot again and again", async (row) => {
    const files = new Files(false);
    const host = ++lastHost;
    const first = await start(row.from, host, files.flags);
    await settle(first, files, `turns-${row.from}`);
    let previous = first;
    for (const kind of [row.to, row.from, row.to]) {
      previous.signal("SIGKILL");
      await previous.exited;
      previous = await start(kind, host, files.flags);
      await untilTogether(previous, { colour: `turns-${row.from}` });
      expect(previous.output).not.toContain("Unrecognized snapshot line");
      expect(previous.output).not.toMatch(/user-event: turns/);
    }
    await previous.cli(["leave"]);
    await previous.exited;
    const lines = files.read("snapshot").trimEnd().split("\n");
    expect(lines).toContain(`alive: ${name} ${ip(host)}:7946`);
    for (const line of lines) {
      expect(line).toMatch(/^(alive: .* \S+:\d+|not-alive: .*|(event-|query-)?clock: \d+|leave)$/);
    }
  });
});
