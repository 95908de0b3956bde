import type { Instant, Millis } from "../base/units.js";
import type { Host } from "./host.js";

/**
 * Calls `run` every `interval`, for the first time after a random part of it, so that members that
 * start together do not act together. Calls that are missed because the driver came late are left out.
 */
export function startTicker(
  host: Pick<Host, "random" | "timers">,
  now: Instant,
  interval: Millis,
  run: (now: Instant) => void,
): void {
  const first = now + host.random.next() * interval;
  const tick = (due: Instant, then: Instant): void => {
    const missed = Math.floor((then - due) / interval);
    const next = due + interval * (missed + 1);
    host.timers.at(next, (later) => tick(next, later));
    run(then);
  };
  host.timers.at(first, (then) => tick(first, then));
}
