import type { Group } from "../group.js";
import type { GroupScenario } from "../scenario.js";
import { pause } from "../waiting.js";
import { watchEvents } from "./event-watch.js";

/** Events per second. */
const rates = [50, 100, 200, 400, 800];

const burstMillis = 5_000;

/** Nothing came for so long: what is still missing is lost. */
const quietMillis = 2_500;

/** After the burst. Serf's queue then still holds what is older than anybody would take. */
const drainLimit = 18_000;

/** The share, in percent, up to which nothing is said to be lost. */
const lossless = 0.01;

/** Events at growing rates, all said by one agent, and how many of them did not get everywhere. */
export const burst: GroupScenario = {
  name: "burst",
  limit: 300_000,
  sparing: "largest group",
  async run(group, note) {
    let best = 0;
    for (const rate of rates) {
      const { lastAfter, lost } = await burstAt(group, rate);
      if (lost < lossless) best = Math.max(best, rate);
      const variant = `${rate}/s`;
      note([
        { figure: "lost", variant, value: lost },
        { figure: "drained", variant, value: lastAfter / 1_000 },
      ]);
    }
    note([{ figure: "withoutLoss", value: best }]);
  },
};

/** The share that was lost in percent, and when the last arrived, counted from the begin. */
async function burstAt(
  group: Group,
  rate: number,
): Promise<{ readonly lost: number; readonly lastAfter: number }> {
  const { agents, seed } = group;
  const total = (rate * burstMillis) / 1_000;
  const due = total * agents.length;
  const seen = new Map(agents.map(({ name }) => [name, new Uint8Array(total)]));
  let arrived = 0;
  let lastAt = 0;
  const stop = await watchEvents(group, `burst${rate}`, (viewer, number, at) => {
    const marks = seen.get(viewer);
    if (marks?.[number] !== 0) return;
    marks[number] = 1;
    arrived += 1;
    lastAt = at;
  });
  const begin = performance.now();
  for (let sent = 0; sent < total; ) {
    const now = performance.now() - begin;
    const wanted = Math.min(total, Math.ceil((now * rate) / 1_000));
    for (; sent < wanted; sent += 1) {
      // An agent that is too busy to answer has lost it, if it has; the others wait for nothing.
      void seed.rpc.userEvent(`burst${rate}-${sent}`, new Uint8Array(0), false).catch(() => {});
    }
    await pause(5);
  }
  const end = performance.now();
  const isOver = (): boolean => {
    const now = performance.now();
    return arrived === due || now - Math.max(lastAt, end) > quietMillis || now - end > drainLimit;
  };
  while (!isOver()) await pause(20);
  await stop();
  return { lost: 100 * (1 - arrived / due), lastAfter: lastAt - begin };
}
