import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { BenchAgent, freshNet, rpcPort, startAgent } from "../bench-agent.js";
import { endChild } from "../children.js";
import { commands, type Kind, kinds } from "../kinds.js";
import type { LoneScenario } from "../scenario.js";
import { until } from "../waiting.js";

/** In each round, everybody's turn comes so often. */
const runs = 8;

/** How long an agent takes until a client can connect, beside a bare `node -e 0`. */
export const start: LoneScenario = {
  name: "start",
  limit: 120_000,
  async run(rounds, note) {
    const ip = freshNet();
    for (let run = 0; run < runs * rounds; run += 1) {
      note("floor", [{ figure: "start", value: bareNode() }]);
      for (const kind of kinds) {
        const value = await startMillis(kind, ip(1 + (run % 250)));
        note(kind, [{ figure: "start", value }]);
      }
    }
  },
};

/** How long the command line takes to show the members, beside a bare `node -e 0`. */
export const cli: LoneScenario = {
  name: "cli",
  limit: 60_000,
  async run(rounds, note) {
    const agent = await BenchAgent.start({ kind: "serf", name: "n1", ip: freshNet()(1) });
    try {
      const args = ["members", `-rpc-addr=${agent.ip}:${rpcPort}`];
      for (let run = 0; run < runs * rounds; run += 1) {
        note("floor", [{ figure: "cli", value: bareNode() }]);
        for (const kind of kinds) {
          note(kind, [{ figure: "cli", value: runMillis([...commands[kind], ...args]) }]);
        }
      }
    } finally {
      await agent.end();
    }
  },
};

function bareNode(): number {
  return runMillis([process.execPath, "-e", "0"]);
}

function runMillis([program, ...args]: readonly string[]): number {
  const begin = performance.now();
  const { error, status } = spawnSync(program as string, args, { stdio: "ignore" });
  const took = performance.now() - begin;
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
  return took;
}

async function startMillis(kind: Kind, ip: string): Promise<number> {
  const begin = performance.now();
  const child = startAgent({ kind, name: "n1", ip });
  try {
    await until(`${kind} listens at ${ip}`, () => accepts(ip), 20_000, 1);
    return performance.now() - begin;
  } finally {
    await endChild(child);
  }
}

async function accepts(ip: string): Promise<boolean> {
  const socket = connect(rpcPort, ip);
  const accepted = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return accepted;
}
