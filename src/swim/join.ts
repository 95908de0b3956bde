import type { Address } from "../base/address.js";
import type { Instant } from "../base/units.js";
import type { PushPull } from "./push-pull.js";

/** Somebody to join. */
export interface JoinTarget {
  readonly address: Address;
  /** Empty if unknown. */
  readonly name: string;
}

/** How a join ended; it succeeded if anybody was contacted. */
export interface JoinResult {
  readonly contacted: number;
  readonly failures: readonly JoinFailure[];
}

interface JoinFailure {
  readonly address: Address;
  readonly reason: string;
}

/** Exchanges all with each of `targets`, one after the other as Serf does, also after a success. */
export function joinAll(
  now: Instant,
  pushPull: PushPull,
  targets: readonly JoinTarget[],
  done: (result: JoinResult) => void,
): void {
  const failures: JoinFailure[] = [];
  const next = (then: Instant, index: number): void => {
    const target = targets[index];
    if (target === undefined) {
      done({ contacted: targets.length - failures.length, failures });
      return;
    }
    pushPull.exchange(then, target.address, true, (later, reason) => {
      if (reason !== undefined) failures.push({ address: target.address, reason });
      next(later, index + 1);
    });
  };
  next(now, 0);
}
