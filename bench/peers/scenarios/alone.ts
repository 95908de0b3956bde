import { BenchAgent, freshNet } from "../bench-agent.js";
import { endChild, startChild } from "../children.js";
import { type Candidate, kinds } from "../kinds.js";
import { cpuOf, memoryOf } from "../proc.js";
import type { LoneScenario } from "../scenario.js";
import { pause } from "../waiting.js";

const settleMillis = 4_000;
const windowMillis = 8_000;

/** Holds one UDP and one TCP socket and does nothing: what any agent on Node.js costs at least. */
const bareNode = `require("node:dgram").createSocket("udp4").bind(0, "127.0.0.1");
require("node:net").createServer().listen(0, "127.0.0.1");`;

/** Memory and CPU of one agent alone, beside a bare Node.js with sockets; all at the same time. */
export const alone: LoneScenario = {
  name: "alone",
  limit: 300_000,
  async run(rounds, note) {
    const ip = freshNet();
    for (let round = 0; round < rounds; round += 1) {
      const stdio = "ignore";
      const floor = startChild([process.execPath], ["-e", bareNode], { stdio });
      const agents: BenchAgent[] = [];
      try {
        for (const kind of kinds) {
          agents.push(await BenchAgent.start({ kind, name: "n1", ip: ip(10 + agents.length) }));
        }
        const pids: [Candidate, number][] = agents.map(({ kind, pid }) => [kind, pid]);
        pids.push(["floor", floor.pid as number]);
        await pause(settleMillis);
        const before = pids.map(([, pid]) => cpuOf(pid));
        const begin = performance.now();
        await pause(windowMillis);
        const seconds = (performance.now() - begin) / 1_000;
        for (const [index, [candidate, pid]] of pids.entries()) {
          const { own, pss, rss } = memoryOf(pid);
          note(candidate, [
            { figure: "rss", value: rss },
            { figure: "pss", value: pss },
            { figure: "own", value: own },
            { figure: "cpu", value: (cpuOf(pid) - (before[index] ?? 0)) / seconds },
          ]);
        }
      } finally {
        await endChild(floor);
        for (const agent of agents) await agent.end();
      }
    }
  },
};
