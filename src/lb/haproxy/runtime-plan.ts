import type { Instant, Millis } from "../../base/units.js";
import type { Observation, Plan, Pool } from "../model.js";
import type { RuntimePool } from "./observe.js";

/** A pool with what should become of it; `lines` are those of the text that the file should hold. */
export interface PlannedPool extends RuntimePool {
  readonly desired: Pool;
  /** At most one server may be ready at any moment. */
  readonly exclusive: boolean;
  /** Requests under way on a draining server are ended then. */
  readonly drainLimit: Millis;
}

/** Since when servers are being emptied, by pool, name and address. */
export type Drains = ReadonlyMap<string, Instant>;

export interface RuntimePlan extends Plan {
  /** To be given to the next call, if this plan is carried out. */
  readonly drains: Drains;
}

/** How to get from what HAProxy has in its slots to what the text and the desired pools say. */
export function planSlots(
  _now: Instant,
  _pools: readonly PlannedPool[],
  _observed: Observation,
  drains: Drains,
): RuntimePlan {
  return { steps: [], reload: undefined, waits: [], lookAgain: undefined, drains };
}
