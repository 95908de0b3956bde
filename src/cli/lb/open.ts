import type { Log } from "../../base/log.js";
import type { Instant, Millis } from "../../base/units.js";
import type { LbConfig } from "../../lb/config.js";
import type { LbHost, LoadBalancer } from "../../lb/load-balancer.js";
import { processHost } from "./host.js";

/** How long a pass that waits for the state folder sleeps between two looks. */
const lookEvery: Millis = 50;

/**
 * Opens the load balancer; its code is loaded only now. While another process has the state folder, it is
 * waited for until `limit`: then that is an OperatorError.
 */
export async function openBalancer(
  config: LbConfig,
  log: Log,
  purpose: "keep" | "look",
  limit: Millis = 0,
  more: Pick<LbHost, "claim"> = {},
): Promise<LoadBalancer> {
  const { LoadBalancer, StateInUseError } = await import("../../lb/load-balancer.js");
  const host: LbHost = { ...processHost(log), ...more };
  const end: Instant = host.now() + limit;
  for (;;) {
    try {
      return await LoadBalancer.open(config, host, purpose);
    } catch (thrown) {
      if (!(thrown instanceof StateInUseError) || host.now() >= end) throw thrown;
    }
    await new Promise<void>((resolve) => {
      host.after(lookEvery, resolve);
    });
  }
}
