import type { Instant, Millis } from "../../base/units.js";
import type { Observation, Plan, Pool, ServedServer, Server, Step } from "../model.js";
import type { RuntimePool } from "./observe.js";
import { identityOf, placeholder, type ServerLine } from "./server-lines.js";
import { slotNumber } from "./slots.js";

/** A pool with what should become of it; `lines` are those of the text that the file should hold. */
export interface PlannedPool extends RuntimePool {
  readonly desired: Pool;
  /** At most one server may be ready at any moment. */
  readonly exclusive: boolean;
  /** Requests under way on a draining server are ended then. */
  readonly drainLimit: Millis;
}

/** Since when servers are being emptied, by pool, name and address. At most one per server of a pool. */
export type Drains = ReadonlyMap<string, Instant>;

export interface RuntimePlan extends Plan {
  /** To be given to the next call, if this plan is carried out. */
  readonly drains: Drains;
}

/**
 * How to get from what HAProxy has in its slots to what the text and the desired pools say.
 *
 * Each round looks only at what is and says the next steps, so that nothing depends on a step before
 * having been seen. A server leaves by drain, then maintenance once nothing is under way, and only
 * then its slot may get another address: a slot in service is never given one, since the connections
 * that HAProxy keeps to the former address would go on being used (loadbalancer.md 1.4).
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

/** What should become of a slot. All but `ready` end in maintenance, at the address of the line. */
type Wish =
  | { readonly kind: "ready"; readonly server: Server }
  | { readonly kind: "drain" | "out"; readonly why: string; readonly urgent: boolean };

/** A slot of the running process, and what the text says about it. */
interface Slot {
  readonly served: ServedServer;
  readonly wish: Wish;
  readonly ip: string;
  readonly port: number;
  /** Whom it concerns, for people. */
  readonly who: string;
}

/**
 * `admit`: begins to give it requests. `stop`: gives it no new ones. `cut`: ends those under way as
 * well. `end` and `tidy` concern one that gets no new ones: what is under way ends; there is nothing.
 */
interface Action {
  readonly kind: "admit" | "weight" | "stop" | "cut" | "end" | "tidy";
  readonly slot: Slot;
  readonly what: string;
  readonly commands: readonly string[];
  readonly urgent: boolean;
}

type Verdict =
  | { readonly kind: "done" }
  | { readonly kind: "act"; readonly action: Action }
  | { readonly kind: "wait"; readonly why: string };

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

/** The slots of the running process. Servers that are neither slots nor in the text are foreign. */
function slotsOf(pool: PlannedPool, served: readonly ServedServer[]): readonly Slot[] {
  const lines = new Map(pool.lines.map((line) => [line.name, line]));
  const members = new Map(pool.desired.servers.map((server) => [identityOf(server), server]));
  const successor = pool.lines.find(
    (line) => !line.disabled && members.get(identityOf(line))?.admission === "ready",
  );
  return served.flatMap((server): Slot[] => {
    const line = lines.get(server.name);
    if (line === undefined && slotNumber(server.name) === undefined) return [];
    const member = line === undefined ? undefined : members.get(identityOf(line));
    const wish = wishFor(line, member);
    const ends = pool.exclusive && wish.kind === "drain";
    // Of an exclusive pool nothing may go on that is not the one: writes to a former primary are lost.
    const hard = ends && (successor !== undefined || member === undefined);
    const { ip, port } = line ?? (server.state === "maint" ? server : placeholder);
    const who = line?.node ?? server.node ?? `${server.ip}:${server.port}`;
    return [{ served: server, wish: hard ? { ...wish, kind: "out" } : wish, ip, port, who }];
  });
}

function wishFor(line: ServerLine | undefined, member: Server | undefined): Wish {
  if (line === undefined) return { kind: "drain", why: "not in the file", urgent: false };
  if (line.node === undefined) return { kind: "drain", why: "nobody's", urgent: false };
  if (member === undefined) return { kind: "drain", why: "gone", urgent: false };
  const { admission, cause } = member;
  if (admission === "out") return { kind: "out", why: cause, urgent: true };
  if (admission === "drain") {
    return { kind: "drain", why: cause, urgent: cause === "suspected" || cause === "failed" };
  }
  if (line.disabled) return { kind: "drain", why: "has another slot", urgent: false };
  return { kind: "ready", server: member };
}

/** Sessions are told to end again if they did not. */
const endAgainAfter: Millis = 1_000;

/** How long what is under way on a server that gets no requests any more may go on. */
function patienceWith(pool: PlannedPool, { wish }: Slot): Millis {
  return wish.kind === "out" ? endAgainAfter : pool.drainLimit;
}

/** `age` is how long it has been emptying, `known` whether that began in an earlier round. */
function decide(pool: PlannedPool, slot: Slot, age: Millis, known: boolean): Verdict {
  const { served, wish } = slot;
  const name = `${pool.backend}/${served.name}`;
  const act = (
    kind: Action["kind"],
    what: string,
    commands: readonly string[],
    urgent = false,
  ): Verdict => ({ kind: "act", action: { kind, slot, what, commands, urgent } });
  const stays = served.ip === slot.ip && served.port === slot.port;
  // In maintenance this also closes the connections that requests left behind (measured): without any
  // under way none is left that leads to the former address.
  const address = `set server ${name} addr ${slot.ip} port ${slot.port}`;
  if (wish.kind === "ready" && stays) {
    const { weight, cause } = wish.server;
    // Never in percent: of a slot that began with weight 0 that is 0 for ever (1.3).
    const weigh = served.weight === weight ? [] : [`set server ${name} weight ${weight}`];
    const who = `${slot.who}, ${cause}`;
    if (served.state !== "ready") {
      return act("admit", `ready (${who})`, [...weigh, `set server ${name} state ready`]);
    }
    if (weigh.length === 0) return { kind: "done" };
    // One with weight 0 gets nothing, but for what is bound to it.
    const kind = weight === 0 ? "stop" : served.weight === 0 ? "admit" : "weight";
    return act(kind, `weight ${weight} (${who})`, weigh, cause === "suspected");
  }
  const over = age >= patienceWith(pool, slot);
  const under = `${served.inUse} ${served.inUse === 1 ? "request" : "requests"} under way`;
  const why = wish.kind === "ready" ? `to be ${slot.ip}:${slot.port}` : wish.why;
  const urgent = wish.kind !== "ready" && wish.urgent;
  const end = `shutdown sessions server ${name}`;
  if (served.state === "maint") {
    if (served.inUse > 0) {
      if (over || (wish.kind === "out" && !known)) {
        return act("end", `end sessions (${slot.who}, ${under})`, [end]);
      }
      return { kind: "wait", why: under };
    }
    if (stays) return { kind: "done" };
    if (wish.kind !== "ready") {
      return act("tidy", `address ${slot.ip}:${slot.port} (${why})`, [address]);
    }
    const { weight, cause } = wish.server;
    return act("admit", `ready (${slot.who}, ${cause})`, [
      address,
      ...(served.weight === weight ? [] : [`set server ${name} weight ${weight}`]),
      `set server ${name} state ready`,
    ]);
  }
  const stop = `set server ${name} state maint`;
  if (wish.kind === "out") return act("cut", `out (${slot.who}, ${why})`, [stop, end], urgent);
  if (served.state === "ready") {
    return act("stop", `drain (${slot.who}, ${why})`, [`set server ${name} state drain`], urgent);
  }
  if (served.inUse === 0) return act("tidy", `maint (${slot.who}, nothing under way)`, [stop]);
  if (over) return act("cut", `out (${slot.who}, ${under} at the limit)`, [stop, end]);
  return { kind: "wait", why: under };
}

/** Whether it gets no new requests, and the time runs that those under way may take. */
function isEmptying({ served, wish, ip, port }: Slot): boolean {
  if (served.state === "ready" || (served.state === "maint" && served.inUse === 0)) return false;
  return wish.kind !== "ready" || served.ip !== ip || served.port !== port;
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
    ? { cut: 0, stop: 1, admit: 2, weight: 3, end: 4, tidy: 5 }
    : { admit: 0, weight: 1, cut: 2, stop: 3, end: 4, tidy: 5 };
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
  const homeless = missing.filter((line) => line.node !== undefined && !line.disabled).length;
  if (homeless > 0) {
    return `${pool.pool}: no slot in the running process for ${homeless} ${homeless === 1 ? "server" : "servers"}`;
  }
  if (missing.length > 0) {
    return `${pool.pool}: ${missing.length} of ${pool.lines.length} slots of the file are not in the running process`;
  }
  // A slot that is to have another address could only become free by a gap.
  const onTheWay = slots.some(
    ({ served: server, wish }) => wish.kind === "ready" && server.state !== "ready",
  );
  if (held.length === 0 || onTheWay || actions.some(isUsefulAdmission)) return undefined;
  return `${pool.pool}: the only servers that are ready must change their addresses`;
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
