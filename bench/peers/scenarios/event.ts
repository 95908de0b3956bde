import type { GroupScenario } from "../scenario.js";
import { median } from "../statistics.js";
import { holds, pause } from "../waiting.js";
import { watchEvents } from "./event-watch.js";

const events = 10;

/** Gossip needs half a second; who misses an event then has it from the next exchange of full states. */
const eventLimit = 4_000;

/** Between one event and the next, to be alone with it. */
const pauseMillis = 400;

/** Single events, until every agent's event stream has told of them. */
export const event: GroupScenario = {
  name: "event",
  limit: 120_000,
  async run(group, note) {
    const { agents } = group;
    const arrivals = new Map<number, Map<string, number>>();
    const stop = await watchEvents(group, "single", (viewer, number, at) => {
      arrivals.get(number)?.set(viewer, at);
    });
    for (let number = 0; number < events; number += 1) {
      const sender = agents[(number * 7 + 1) % agents.length] ?? group.seed;
      const seen = new Map<string, number>();
      arrivals.set(number, seen);
      const begin = performance.now();
      await sender.rpc.userEvent(`single-${number}`, new Uint8Array(0), false);
      const everywhere = await holds(() => seen.size === agents.length, eventLimit, 10);
      seen.delete(sender.name);
      const after = [...seen.values()].map((at) => at - begin);
      if (everywhere) {
        note([
          { figure: "eventFirst", value: Math.min(...after) },
          { figure: "eventMedian", value: median(after) },
          { figure: "eventLast", value: Math.max(...after) },
        ]);
      }
      note([{ figure: "eventMissed", value: everywhere ? 0 : 100 }]);
      await pause(pauseMillis);
    }
    await stop();
  },
};
