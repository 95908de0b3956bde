import type { Millis } from "../../base/units.js";
import type { Observation, Plan, ServedServer } from "../model.js";
import type { PlannedPool } from "./runtime-plan.js";
import type { ServerLine } from "./server-lines.js";

/** How soon it is looked again whether something has ended that no command can hasten. */
const lookAgain: Millis = 250;

/**
 * The plan for an HAProxy that is changed by its file alone: whatever is not as in the file is a reload.
 * Without a runtime socket no server is seen, and only `stale` tells.
 */
export function planReload(
  pools: readonly PlannedPool[],
  observed: Observation,
  stale: string | undefined,
): Plan {
  const served = new Map(observed.servers.map((server) => [keyOf(server.pool, server), server]));
  const different = pools.flatMap(({ pool, lines }) =>
    lines.flatMap((line) => {
      const server = served.get(keyOf(pool, line));
      const fault = server === undefined ? undefined : differenceOf(line, server);
      return fault === undefined ? [] : [`${pool}/${line.name} ${fault}`];
    }),
  );
  const waits = observed.servers
    .filter(({ state, inUse }) => state !== "ready" && inUse > 0)
    .map(({ pool, name, inUse }) => `${pool}/${name}: ${inUse} under way`);
  return {
    steps: [],
    reload: stale ?? different[0],
    waits,
    lookAgain: waits.length > 0 ? lookAgain : undefined,
  };
}

function differenceOf(line: ServerLine, server: ServedServer): string | undefined {
  if (server.ip !== line.ip || server.port !== line.port) {
    return `is ${server.ip}:${server.port} in HAProxy, ${line.ip}:${line.port} in the file`;
  }
  const isReady = server.state === "ready";
  if (isReady === line.disabled) {
    return `is ${server.state} in HAProxy, ${line.disabled ? "disabled" : "enabled"} in the file`;
  }
  if (line.weight === undefined || line.weight === server.weight) return undefined;
  return `has the weight ${server.weight} in HAProxy, ${line.weight} in the file`;
}

function keyOf(pool: string, { name }: { readonly name: string }): string {
  return `${pool}/${name}`;
}
