import type { Group } from "../group.js";
import type { ChangeKind } from "../member-watch.js";
import { holds, pause } from "../waiting.js";

/** When the others noticed, in ms after it happened, ascending; and what they took it for at first. */
export interface Departure {
  readonly seenAfter: readonly number[];
  readonly taken: Readonly<Record<Exclude<ChangeKind, "join">, number>>;
  /** Until the process was gone. */
  readonly goneAfter: number;
}

/** For whatever was said about the last one to be said. */
const quietMillis = 2_000;

/** Sends `signal` to one agent of a group, and waits until all others have noticed that it is gone. */
export async function depart(
  group: Group,
  signal: "SIGKILL" | "SIGINT",
  limit: number,
): Promise<Departure> {
  const agent = group.takeOne();
  const seen = new Map<string, number>();
  const taken = { leave: 0, failed: 0 };
  const stop = group.watch.listen(({ at, kind, member, viewer }) => {
    if (member !== agent.name || viewer === agent.name || kind === "join") return;
    // Who takes it for failed first and corrects that later was wrong all the same.
    taken[kind] += 1;
    if (!seen.has(viewer)) seen.set(viewer, at);
  });
  try {
    const begin = performance.now();
    agent.signal(signal);
    const gone = agent.ended().then(() => performance.now() - begin);
    const others = group.agents.length;
    if (!(await holds(() => seen.size >= others, limit))) {
      throw new Error(`${others - seen.size} of ${others} did not notice within ${limit} ms`);
    }
    const goneAfter = await gone;
    await pause(quietMillis);
    const seenAfter = [...seen.values()].map((at) => at - begin);
    return { seenAfter: seenAfter.sort((one, other) => one - other), taken, goneAfter };
  } finally {
    stop();
    await agent.end();
  }
}
