import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";

/** The part of npm's node-serf that is used here; it brings no types. */
interface SerfClient {
  event(body: object, done: (error: Error | null) => void): void;
  setNoDelay(): void;
  end(): void;
}

const { connect } = createRequire(import.meta.url)("node-serf") as {
  connect(options: object, ready: (error: Error | null) => void): SerfClient;
};

const eventCount = 5_000;

/** Sleeps for longer than the flood lasts, so that all of it arrives while one run is under way. */
const script = (folder: string): string => `#!/bin/sh
{
  echo "run $SERF_EVENT"
  cat
  echo end
} >> ${folder}/$SERF_EVENT.log
sleep 10
`;

describe.skipIf(missingPrograms("serf").length > 0)("a handler that sleeps 10 s", () => {
  const ip = loopbackNet();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-slow-"));
  const started: Agent[] = [];
  let slow: Agent;
  let peer: Agent;

  const start = async (options: Parameters<typeof Agent.start>[0]): Promise<Agent> => {
    const agent = await Agent.start(options);
    started.push(agent);
    return agent;
  };

  beforeAll(async () => {
    const path = join(folder, "slow.sh");
    writeFileSync(path, script(folder), { mode: 0o755 });
    slow = await start({
      kind: "gossipd",
      name: "slow",
      ip: ip(1),
      args: [`-event-handler=member-join,member-update,user=${path}`],
    });
    peer = await start({
      kind: "serf",
      name: "peer",
      ip: ip(2),
      args: [`-join=${ip(1)}:7946`],
    });
  });

  afterAll(async () => {
    for (const agent of started) await agent.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The members that the last finished run of a kind of event was given, by name. */
  function lastRun(event: string): Map<string, string> {
    const runs = readFileSync(join(folder, `${event}.log`), "utf8").split(`run ${event}\n`);
    const lines = (runs.at(-1) ?? "").split("\n").filter((line) => line.includes("\t"));
    return new Map(lines.map((line) => [line.split("\t")[0] as string, line]));
  }

  test("delays neither members, joins nor RPC, and its last run sees the final state", async () => {
    await until("the handler runs", () => {
      try {
        return readFileSync(join(folder, "member-join.log"), "utf8").includes("peer");
      } catch {
        return false;
      }
    });

    const client = await new Promise<SerfClient>((resolve, reject) => {
      const connecting = connect({ host: slow.ip, port: 7373 }, (error) =>
        error ? reject(error) : resolve(connecting),
      );
    });
    // It writes header and body apart: without this each event would wait for a delayed ack.
    client.setNoDelay();
    const send = (number: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const body = { Name: `e${number % 7}`, Payload: `${number}`, Coalesce: false };
        client.event(body, (error) => (error ? reject(error) : resolve()));
      });
    const slowest = { members: 0 };
    for (let number = 0; number < eventCount; number += 1) {
      await send(number);
      if (number % 500 === 0) {
        const began = performance.now();
        expect((await slow.members()).map(({ name }) => name)).toContain("peer");
        slowest.members = Math.max(slowest.members, performance.now() - began);
        await peer.cli(["tags", "-set", `round=${number}`]);
      }
    }
    client.end();
    await peer.cli(["tags", "-set", "round=final"]);

    // The command's own limit, not a measure of speed: a stuck agent would run into it.
    expect(slowest.members).toBeLessThan(10_000);
    const late = await start({
      kind: "gossipd",
      name: "late",
      ip: ip(3),
      args: [`-join=${ip(2)}:7946`],
    });
    await until("the newcomer is seen", async () => (await slow.statuses()).late === "alive");
    expect(await late.statuses()).toMatchObject({ slow: "alive", peer: "alive" });

    await until(
      "the last run for updates saw the final tags",
      () => {
        try {
          return /round=final/.test(lastRun("member-update").get("peer") ?? "");
        } catch {
          return false;
        }
      },
      { timeout: 120_000 },
    );
    await until("a run was told of the newcomer", () => lastRun("member-join").has("late"), {
      timeout: 120_000,
    });
    expect(slow.output).toMatch(/dropped|merged/i);
  });
});
