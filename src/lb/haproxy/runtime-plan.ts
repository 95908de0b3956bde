import type { Instant, Millis } from "../../base/units.js";
import type { Observation, Plan, ServedServer, Step } from "../model.js";
import { refusedOption } from "./dynamic-server.js";
import { type Action, decide, endAgainAfter, isEmptying, patienceWith } from "./runtime-verdict.js";
import { type PlannedPool, type Slot, slotsOf } from "./runtime-wishes.js";
import type { ServerLine } from "./server-lines.js";

export type { PlannedPool } from "./runtime-wishes.js";

/** Since when servers are being emptied, by pool, name and address. At most one per server of a pool. */
export type Drains = ReadonlyMap<string, Instant>;

export interface RuntimePlan extends Plan {
  /** To be given to the next call, if this plan is carried out. */
  readonly drains: Drains;
}

/**
 * How to get from the servers that HAProxy has to what the text and the desired pools say.
 *
 * Each round looks only at what is and says the next steps, so that nothing depends on a step before
 * having been seen. A server leaves by drain, then maintenance once nothing is under way, and only
 * then its slot may get another address: a slot in service is never given one, since the connections
 * that HAProxy keeps to the former address would go on being used (loadbalancer.md 1.4). A server that
 * was added is deleted in the same way, and only without a connection (trap B).
 */
export function planSlots(
  now: Instant,
  pools: readonly PlannedPool[],
  observed: Observation,
  drains: Drains,
): RuntimePlan {
  if (observed.trouble !== undefined) {
    return {
      steps: [],
      reload: undefined,
      waits: [observed.trouble],
      lookAgain: undefined,
      drains,
    };
  }
  const plans = pools.map((pool) => planPool(now, pool, observed.servers, drains));
  const steps = plans.flatMap((plan) => plan.steps);
  const lookAgain = Math.min(...plans.map((plan) => plan.lookAgain));
  const reasons = plans.flatMap(({ reload }) => reload ?? []);
  return {
    steps: [...steps.filter((step) => step.urgent), ...steps.filter((step) => !step.urgent)],
    reload: reasons.length === 0 ? undefined : reasons.join("; "),
    waits: plans.flatMap((plan) => plan.waits),
    lookAgain: lookAgain === Number.POSITIVE_INFINITY ? undefined : lookAgain,
    drains: new Map(plans.flatMap((plan) => plan.drains)),
  };
}

interface PoolPlan {
  readonly steps: readonly Step[];
  readonly reload: string | undefined;
  readonly waits: readonly string[];
  /** Infinite if nothing is under way. */
  readonly lookAgain: Millis;
  readonly drains: readonly (readonly [string, Instant])[];
}

function planPool(
  now: Instant,
  pool: PlannedPool,
  servers: readonly ServedServer[],
  drains: Drains,
): PoolPlan {
  const served = servers.filter((server) => server.pool === pool.pool);
  const slots = slotsOf(pool, served);
  const actions: Action[] = [];
  const waits: string[] = [];
  const clocks = new Map<string, Instant>();
  let lookAgain = Number.POSITIVE_INFINITY;
  for (const slot of slots) {
    const key = clockKey(slot.served);
    const known = drains.get(key);
    const since = known ?? now;
    const verdict = decide(pool, slot, now - since, known !== undefined);
    if (isEmptying(slot)) clocks.set(key, since);
    if (verdict.kind === "act") {
      const { action } = verdict;
      actions.push(action);
      if (action.kind === "delete") clocks.set(key, now);
      if (action.kind === "end") {
        clocks.set(key, now - patienceWith(pool, slot) + endAgainAfter);
      }
    }
    if (verdict.kind === "wait") {
      waits.push(`${pool.pool}/${slot.served.name}: ${verdict.why}`);
      lookAgain = Math.min(lookAgain, pollAfter(now - since, pool.drainLimit));
    }
  }
  const held = pool.exclusive ? [] : heldBack(pool, slots, actions);
  for (const { slot } of held) {
    waits.push(`${pool.pool}/${slot.served.name}: drains once another server is ready`);
  }
  const doable = actions.filter((action) => !held.includes(action));
  for (const { kind, slot } of doable) {
    if (kind === "stop" || kind === "cut") clocks.set(clockKey(slot.served), now);
  }
  return {
    steps: inOrder(pool, slots, doable).map((action) => stepOf(pool, action)),
    reload: reloadReason(pool, slots, doable, held, served),
    waits,
    lookAgain,
    drains: [...clocks],
  };
}

/**
 * Drains that must wait: with them the pool would have no server that gets requests, although it is
 * to have some. What is to be out is not kept in for that.
 */
function heldBack(
  pool: PlannedPool,
  slots: readonly Slot[],
  actions: readonly Action[],
): readonly Action[] {
  const wanted = pool.desired.servers.some(
    ({ admission, weight }) => admission === "ready" && weight > 0,
  );
  if (!wanted || actions.some(isUsefulAdmission)) return [];
  const leaving = new Set(
    actions.filter(({ kind }) => kind === "stop" || kind === "cut").map(({ slot }) => slot),
  );
  const staying = slots.some((slot) => givesService(slot.served) && !leaving.has(slot));
  if (staying) return [];
  return actions.filter(({ kind, slot }) => kind === "stop" && givesService(slot.served));
}

/**
 * Those that begin to serve before those that cease to, so that the pool is never empty in between; in
 * an exclusive pool the other way round, so that there are never two. What is urgent goes before the
 * file, and takes along what must not come after it.
 */
function inOrder(
  pool: PlannedPool,
  slots: readonly Slot[],
  actions: readonly Action[],
): readonly Action[] {
  const ranks: Readonly<Record<Action["kind"], number>> = pool.exclusive
    ? { cut: 0, stop: 1, admit: 2, weight: 3, end: 4, tidy: 5, delete: 6 }
    : { admit: 0, weight: 1, cut: 2, stop: 3, end: 4, tidy: 5, delete: 6 };
  const sorted = [...actions].sort((one, other) => ranks[one.kind] - ranks[other.kind]);
  const removals = sorted.filter(
    ({ kind, urgent }) => urgent && (kind === "cut" || kind === "stop"),
  );
  if (removals.length === 0) return sorted;
  const gone = new Set(removals.map(({ slot }) => slot));
  const left = slots.some((slot) => givesService(slot.served) && !gone.has(slot));
  if (left && !pool.exclusive) return sorted;
  return sorted.map((action) => ({
    ...action,
    urgent: action.urgent || action.kind === "admit" || (pool.exclusive && action.kind === "cut"),
  }));
}

function reloadReason(
  pool: PlannedPool,
  slots: readonly Slot[],
  actions: readonly Action[],
  held: readonly Action[],
  served: readonly ServedServer[],
): string | undefined {
  const running = new Set(served.map((server) => server.name));
  const missing = pool.lines.filter((line) => !running.has(line.name));
  const reason = pool.dynamic === undefined ? lackOf(pool, missing) : refusalOf(pool, missing);
  if (reason !== undefined) return reason;
  // A slot that is to have another address could only become free by a gap.
  const onTheWay = slots.some(
    ({ served: server, wish }) => wish.kind === "ready" && server.state !== "ready",
  );
  if (held.length === 0 || onTheWay || actions.some(isUsefulAdmission)) return undefined;
  return `${pool.pool}: the only servers that are ready must change their addresses`;
}

/** Slots that the process does not have. */
function lackOf({ pool, lines }: PlannedPool, missing: readonly ServerLine[]): string | undefined {
  const homeless = missing.filter((line) => line.node !== undefined && !line.disabled).length;
  if (homeless > 0) {
    return `${pool}: no slot in the running process for ${homeless} ${homeless === 1 ? "server" : "servers"}`;
  }
  if (missing.length === 0) return undefined;
  return `${pool}: ${missing.length} of ${lines.length} slots of the file are not in the running process`;
}

/** Servers that cannot be added with the options that they should have. */
function refusalOf(pool: PlannedPool, missing: readonly ServerLine[]): string | undefined {
  const defaults = pool.dynamic?.defaults ?? "";
  const [option] = missing.flatMap((line) => refusedOption(line, defaults) ?? []);
  if (option === undefined) return undefined;
  return `${pool.pool}: only the file can give a server the option "${option}"`;
}

function isUsefulAdmission({ kind, slot: { wish } }: Action): boolean {
  return kind === "admit" && wish.kind === "ready" && wish.server.weight > 0;
}

function givesService(server: ServedServer): boolean {
  return server.state === "ready" && server.weight > 0;
}

function stepOf(pool: PlannedPool, { slot, what, urgent, commands }: Action): Step {
  return { words: `${pool.pool}/${slot.served.name}: ${what}`, urgent, commands };
}

/** Often at first, when most drains end, and less often later; and at the limit. */
function pollAfter(age: Millis, limit: Millis): Millis {
  const pause = Math.min(Math.max(age / 20, 20), 250);
  return age < limit ? Math.max(1, Math.min(pause, limit - age)) : pause;
}

function clockKey({ pool, name, ip, port }: ServedServer): string {
  return `${pool}/${name} ${ip} ${port}`;
}
