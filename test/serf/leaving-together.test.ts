import { describe, expect, test } from "vitest";
import { seconds } from "../../src/base/units.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

/** How long each node took to leave when they were told so one after the other, and what they warned of. */
function leaveTogether(
  names: readonly string[],
  stagger: number,
  seed: number,
): { took: number[]; warnings: string[] } {
  const cluster = new SerfCluster({ seed });
  const nodes = cluster.addGroup(names);
  const took: number[] = [];
  const leave = (node: ClusterNode, index: number): void => {
    const start = cluster.now;
    node.serf.leave(start, () => {
      took[index] = cluster.now - start;
    });
    cluster.settle(node);
    cluster.run(stagger);
  };
  nodes.forEach(leave);
  cluster.run(seconds(10));
  return { took, warnings: nodes.flatMap(({ log }) => log.at("warn")) };
}

describe.for([0, 150, 400, 700, 1_000, 1_300])("members that leave %i ms apart", (stagger) => {
  test.for([1, 2, 3, 4, 5])("are done as if each were alone in leaving (SEED=%i)", (seed) => {
    for (const names of [
      ["a", "b"],
      ["a", "b", "c"],
      ["a", "b", "c", "d", "e"],
    ]) {
      const { took, warnings } = leaveTogether(names, stagger, seed);
      expect(took).toHaveLength(names.length);
      // Two broadcasts of four gossip intervals each and the second in which the leave spreads.
      expect(Math.max(...took)).toBeLessThan(seconds(3));
      expect(warnings.filter((line) => line.includes("timeout"))).toEqual([]);
    }
  });
});
