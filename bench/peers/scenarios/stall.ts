import type { GroupScenario } from "../scenario.js";
import { pause } from "../waiting.js";

const stopped = 5;
const stopMillis = 8_000;

/** For what those who were stopped believe when they go on. */
const afterMillis = 6_000;

/** Some agents stand still and go on again; nobody may take others for failed because of it. */
export const stall: GroupScenario = {
  name: "stall",
  limit: 180_000,
  leastAgents: 25,
  async run(group, note) {
    const sleepers = group.agents.slice(-stopped);
    const names = new Set(sleepers.map(({ name }) => name));
    let healthy = 0;
    let sleeping = 0;
    const stop = group.watch.listen(({ kind, member }) => {
      if (kind !== "failed") return;
      if (names.has(member)) sleeping += 1;
      else healthy += 1;
    });
    try {
      for (const agent of sleepers) agent.signal("SIGSTOP");
      await pause(stopMillis);
      for (const agent of sleepers) agent.signal("SIGCONT");
      await pause(afterMillis);
    } finally {
      stop();
      for (const agent of sleepers) agent.signal("SIGCONT");
    }
    await group.agree(60_000, 60_000);
    note([
      { figure: "falseFailed", value: healthy },
      { figure: "stoppedFailed", value: sleeping },
    ]);
  },
};
