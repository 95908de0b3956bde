import type { RunningQuery } from "#rpc/client.js";
import type { GroupScenario } from "../scenario.js";
import { holds, pause } from "../waiting.js";

const queries = 6;
const timeoutMillis = 4_000;

/** Between one query and the next, to be alone with it. */
const pauseMillis = 400;

/** A query of one agent to all, until every agent has said that it got it. */
export const query: GroupScenario = {
  name: "query",
  limit: 90_000,
  async run({ agents }, note) {
    for (let number = 0; number < queries; number += 1) {
      const asker = agents[(number * 7 + 1) % agents.length] ?? agents[0];
      if (asker === undefined) break;
      const acks = new Set<string>();
      let last = 0;
      const question = {
        name: `bench-${number}`,
        payload: new Uint8Array(0),
        filterNodes: [],
        filterTags: new Map<string, string>(),
        requestAck: true,
        relayFactor: 0,
        timeout: timeoutMillis,
      };
      const begin = performance.now();
      const running: RunningQuery = await asker.rpc.query(question, (answer) => {
        if (answer.kind !== "ack" || acks.has(answer.from)) return;
        acks.add(answer.from);
        last = performance.now();
      });
      if (await holds(() => acks.size >= agents.length, timeoutMillis, 10)) {
        note([{ figure: "queryLast", value: last - begin }]);
      }
      const missing = 100 * (1 - acks.size / agents.length);
      note([{ figure: "queryMissed", value: missing }]);
      await running.stop();
      await pause(pauseMillis);
    }
  },
};
