import type { Sample } from "../figures.js";
import type { Group } from "../group.js";
import { holds } from "../waiting.js";

/** Who does not know all by then waits for an exchange that comes by chance. */
export const convergeLimit = 45_000;

/**
 * Lets a group that was just started join one seed, all at once, and measures until every agent has seen
 * every other. What takes longer than the limit counts as the limit.
 */
export async function converge(group: Group): Promise<readonly Sample[]> {
  const { agents, size, watch } = group;
  const seen = new Map(agents.map(({ name }) => [name, new Set([name])]));
  let complete = 0;
  let last = 0;
  const stop = watch.listen(({ at, kind, member, viewer }) => {
    const view = seen.get(viewer);
    if (kind !== "join" || view === undefined || view.has(member)) return;
    view.add(member);
    if (view.size < size) return;
    complete += 1;
    last = at;
  });
  try {
    const begin = performance.now();
    await group.joinAll();
    const all = await holds(() => complete === size, convergeLimit - (performance.now() - begin));
    return [{ figure: "converge", value: all ? last - begin : convergeLimit }];
  } finally {
    stop();
  }
}
