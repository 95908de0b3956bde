import { BenchAgent, freshNet } from "../bench-agent.js";
import { Crowd } from "../crowd.js";
import type { Sample } from "../figures.js";
import { type Kind, kinds } from "../kinds.js";
import { MembersProbe } from "../members-probe.js";
import { cpuOf, memoryOf } from "../proc.js";
import type { LoneScenario } from "../scenario.js";
import { median } from "../statistics.js";
import { pause, until } from "../waiting.js";

const sizes = [1_000, 5_000];

/** So long one client asks again and again. */
const askMillis = 2_500;

/** The first answers are slower than all others, with Node.js. */
const warmUp = 20;

/** For the first gossip about so many members. */
const settleMillis = 2_000;

/** An agent with many members: taking them in, and telling them. */
export const members: LoneScenario = {
  name: "members",
  limit: 400_000,
  async run(rounds, note) {
    for (let round = 0; round < rounds; round += 1) {
      for (const size of sizes) {
        for (const kind of kinds) {
          const variant = `${size.toLocaleString("en")} members`;
          const samples = await measure(kind, size);
          note(
            kind,
            samples.map((sample) => ({ ...sample, variant })),
          );
        }
      }
    }
  },
};

async function measure(kind: Kind, size: number): Promise<readonly Sample[]> {
  const ip = freshNet();
  const crowd = new Crowd(ip(2), size);
  const agent = await BenchAgent.start({ kind, name: "n1", ip: ip(1) });
  try {
    await crowd.open();
    await pause(1_000);
    const before = memoryOf(agent.pid).rss;
    const begin = performance.now();
    await crowd.enter(agent.ip);
    const count = async (): Promise<string | undefined> =>
      (await agent.rpc.stats()).get("serf")?.get("members");
    await until("all are taken in", async () => (await count()) === String(size + 1), 20_000, 1);
    const taken = performance.now() - begin;
    await pause(settleMillis);
    const after = memoryOf(agent.pid).rss;
    return [
      { figure: "membersTaken", value: taken },
      { figure: "membersGrowth", value: after - before },
      ...(await ask(agent)),
    ];
  } finally {
    crowd.close();
    await agent.end();
  }
}

async function ask({ ip, pid }: BenchAgent): Promise<readonly Sample[]> {
  const probe = await MembersProbe.connect(ip);
  try {
    for (let time = 0; time < warmUp; time += 1) await probe.ask();
    const times: number[] = [];
    const cpu = cpuOf(pid);
    const begin = performance.now();
    while (performance.now() - begin < askMillis) times.push(await probe.ask());
    const took = performance.now() - begin;
    return [
      { figure: "membersTime", value: median(times) },
      { figure: "membersRate", value: (1_000 * times.length) / took },
      { figure: "membersCpu", value: (cpuOf(pid) - cpu) / times.length },
    ];
  } finally {
    probe.close();
  }
}
