import type { GroupScenario } from "../scenario.js";
import { depart } from "./departure.js";

const leaves = 3;

/** Agents leave gracefully, one after the other. */
export const leave: GroupScenario = {
  name: "leave",
  limit: 120_000,
  leastAgents: 6,
  async run(group, note) {
    for (let number = 0; number < leaves; number += 1) {
      const { goneAfter, seenAfter, taken } = await depart(group, "SIGINT", 30_000);
      note([
        { figure: "leaveLast", value: seenAfter.at(-1) ?? Number.NaN },
        { figure: "leaveGone", value: goneAfter },
        { figure: "leaveFailed", value: taken.failed },
      ]);
    }
  },
};
