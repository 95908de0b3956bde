import type { GroupScenario } from "../scenario.js";
import { depart } from "./departure.js";

const kills = 2;

/** Agents are killed, one after the other. */
export const kill: GroupScenario = {
  name: "kill",
  limit: 150_000,
  leastAgents: 6,
  async run(group, note) {
    for (let number = 0; number < kills; number += 1) {
      const { seenAfter } = await depart(group, "SIGKILL", 60_000);
      note([
        { figure: "killFirst", value: seenAfter[0] ?? Number.NaN },
        { figure: "killLast", value: seenAfter.at(-1) ?? Number.NaN },
      ]);
    }
  },
};
