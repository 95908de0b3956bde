import type { Instant } from "../base/units.js";
import type { BalancerConfig, LbConfig, ProbeConfig } from "./config.js";
import type { Admission, Desired, View } from "./model.js";

/** When a view after the start counts: {@link LbConfig}. Both 0 for a single look that must not wait. */
export type SettleConfig = Pick<LbConfig, "settleTime" | "settleLimit">;

export interface Decision {
  readonly desired: Desired;
  /** What should be found out, and told by the next {@link ProbeAnswers}. */
  readonly questions: readonly ProbeQuestion[];
  /** Decide again then even if nothing happened; undefined: time alone changes nothing. */
  readonly deadline: Instant | undefined;
  /** Every member with a penalty, sorted by name. */
  readonly damped: readonly DampedMember[];
}

export interface ProbeQuestion {
  readonly ip: string;
  readonly port: number;
  readonly probe: ProbeConfig;
}

/** What is known by now of services that were asked for. */
export interface ProbeAnswers {
  answer(ip: string, port: number): "yes" | "no" | "unknown";
}

export interface DampedMember {
  readonly node: string;
  /** As of now; it halves with each half-life. */
  readonly penalty: number;
  /** Held out until then; undefined: not held out. */
  readonly until: Instant | undefined;
}

export type PolicyOrder =
  | { readonly kind: "accept"; readonly pool?: string }
  | { readonly kind: "forgive"; readonly node: string }
  | {
      readonly kind: "override";
      readonly node: string;
      readonly admission: Admission | "none";
      readonly until?: Instant;
    };

/**
 * What a balancer should serve, from what is known of the cluster and what was served before.
 *
 * A pure function of view, memory and time: it reads no clock and does nothing by itself.
 */
export class Policy {
  constructor(_config: BalancerConfig, _settle: SettleConfig, _remembered?: unknown) {}

  decide(_now: Instant, _view: View, _probes: ProbeAnswers): Decision {
    const desired = { pools: [], version: "000000000000", refused: [], holds: [], frozen: true };
    return { desired, questions: [], deadline: undefined, damped: [] };
  }

  /** Carries an operator's order out and says in one line what was done. Throws OperatorError. */
  order(_now: Instant, _order: PolicyOrder): string {
    return "";
  }

  /** What to give to the next process as `remembered`: JSON, with times relative to the last decision. */
  memory(): unknown {
    return undefined;
  }
}
