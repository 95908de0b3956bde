import type { Millis } from "../../base/units.js";
import type { PlannedPool, Slot } from "./runtime-wishes.js";

/**
 * `admit`: begins to give it requests. `stop`: gives it no new ones. `cut`: ends those under way as
 * well. `end` and `tidy` concern one that gets no new ones: what is under way ends; there is nothing.
 */
export interface Action {
  readonly kind: "admit" | "weight" | "stop" | "cut" | "end" | "tidy" | "delete";
  readonly slot: Slot;
  readonly what: string;
  readonly commands: readonly string[];
  readonly urgent: boolean;
}

export type Verdict =
  | { readonly kind: "done" }
  | { readonly kind: "act"; readonly action: Action }
  | { readonly kind: "wait"; readonly why: string };

/** A server that could not be deleted yet is tried again. */
const deleteAgainAfter: Millis = 20;

/** Sessions are told to end again if they did not. */
export const endAgainAfter: Millis = 1_000;

/** How long what is under way on a server that gets no requests any more may go on. */
export function patienceWith(pool: PlannedPool, { wish }: Slot): Millis {
  return wish.kind === "out" ? endAgainAfter : pool.drainLimit;
}

/** `age` is how long it has been emptying, `known` whether that began in an earlier round. */
export function decide(pool: PlannedPool, slot: Slot, age: Millis, known: boolean): Verdict {
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
      const ready = `set server ${name} state ready`;
      return act("admit", `ready (${who})`, [...(slot.addition ?? []), ...weigh, ready]);
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
    if (slot.addition !== undefined) return act("tidy", `add (${slot.who})`, slot.addition);
    if (slot.passing) return removal(name, slot, age, known);
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

/**
 * HAProxy deletes a server only without a connection, and connections that requests left behind after
 * the maintenance began are closed only on the way into it (trap C), a moment later.
 */
function removal(name: string, slot: Slot, age: Millis, known: boolean): Verdict {
  if (known && age < deleteAgainAfter) return { kind: "wait", why: "to be deleted" };
  const state = `set server ${name} state`;
  const purge = (slot.served.idle ?? 0) > 0;
  const commands = purge ? [`${state} drain`, `${state} maint`] : [`del server ${name}`];
  const what = purge ? "close kept connections" : "delete";
  return {
    kind: "act",
    action: { kind: "delete", slot, what: `${what} (${slot.who})`, commands, urgent: false },
  };
}

/** Whether it gets no new requests, and the time runs that those under way may take. */
export function isEmptying({ served, wish, ip, port, passing }: Slot): boolean {
  if (served.state === "ready") return false;
  if (served.state === "maint" && served.inUse === 0) return passing;
  return wish.kind !== "ready" || served.ip !== ip || served.port !== port;
}
