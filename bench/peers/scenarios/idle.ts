import type { Sample } from "../figures.js";
import type { Group } from "../group.js";
import type { Traffic } from "../metric-dump.js";
import { addTraffic, intervalMillis, noTraffic, parseTraffic } from "../metric-dump.js";
import { cpuOf, memoryOf } from "../proc.js";
import type { GroupScenario } from "../scenario.js";
import { median } from "../statistics.js";
import { pause, until } from "../waiting.js";

/**
 * Full exchanges begin within this, or one interval after; from then on, each agent begins one in each
 * interval.
 */
const youthMillis = 30_000;

/** After whatever was done to the group before. */
const settleMillis = 4_000;

/** Whole intervals of the agents' own measurements; they keep no more than five. */
const intervals = 3;
const windowMillis = intervals * intervalMillis;

/** Until an interval that is over is told, and the news have come. */
const dumpMillis = 2_000;

/** From so many members on, full exchanges come half as often, every minute (memberlist, pushPullScale). */
const slowExchanges = 33;

/** Memory, CPU and traffic of agents to whom nothing happens, from one full exchange to the next. */
export const idle: GroupScenario = {
  name: "idle",
  limit: 200_000,
  sparing: "first round",
  async run(group, note) {
    const { agents, size, startedAt } = group;
    const windows = size < slowExchanges ? 1 : 2;
    await pause(Math.max(settleMillis, startedAt + youthMillis - performance.now()));
    const from = Math.ceil(Date.now() / intervalMillis) * intervalMillis;
    await pause(from - Date.now());
    const cpuBefore = agents.map(({ pid }) => cpuOf(pid));
    await pause(from + windowMillis - Date.now());
    // Before the first dump, which costs more than idling, in time and in memory.
    const memory = agents.map(({ pid }) => memoryOf(pid));
    const cpu = agents.map(
      ({ pid }, index) => (1_000 * (cpuOf(pid) - (cpuBefore[index] ?? 0))) / windowMillis,
    );
    let sent = agents.map(() => noTraffic);
    for (let window = 0; window < windows; window += 1) {
      const start = from + window * windowMillis;
      await pause(start + windowMillis + dumpMillis - Date.now());
      const more = await traffic(group, start);
      sent = sent.map((before, index) => addTraffic(before, more[index] ?? noTraffic));
    }
    note([
      { figure: "rss", value: median(memory.map(({ rss }) => rss)) },
      { figure: "pss", value: median(memory.map(({ pss }) => pss)) },
      { figure: "own", value: median(memory.map(({ own }) => own)) },
      { figure: "cpu", value: median(cpu) },
      ...rates(sent, (windows * windowMillis) / 1_000),
    ]);
  },
};

/** Per agent and second: what one sends another gets. */
function rates(sent: readonly Traffic[], seconds: number): Sample[] {
  const mean = (part: keyof Traffic): number =>
    sent.reduce((sum, one) => sum + one[part], 0) / sent.length / seconds;
  return [
    { figure: "packets", value: mean("packets") },
    { figure: "udp", value: mean("udpBytes") },
    { figure: "tcp", value: mean("tcpBytes") },
  ];
}

/** What each agent says that it sent in the window that began at `from`. */
async function traffic({ agents }: Group, from: number): Promise<Traffic[]> {
  const before = agents.map(({ errors }) => errors.length);
  for (const agent of agents) agent.signal("SIGUSR1");
  const dumps = (): string[] => agents.map(({ errors }, at) => errors.slice(before[at]));
  await until(
    "all agents tell what they measured",
    () => dumps().every((dump) => dump.includes("memberlist.udp.sent")),
    10_000,
  );
  await pause(500);
  return dumps().map((dump) => parseTraffic(dump, from, from + windowMillis));
}
