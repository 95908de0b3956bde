import type { Log } from "../../base/log.js";
import { type Instant, longestTimer, type Millis } from "../../base/units.js";
import type { LbHost } from "../../lb/load-balancer.js";

/** The clocks and timers of this process. */
export function processHost(log: Log): LbHost {
  return {
    log,
    now: (): Instant => performance.now(),
    wallClock: () => new Date().toISOString(),
    after: (delay: Millis, run: () => void) => {
      const timer = setTimeout(run, Math.min(Math.max(0, delay), longestTimer));
      return () => clearTimeout(timer);
    },
  };
}
