import type { Instant } from "../base/units.js";
import type { ProbeConfig } from "./config.js";
import type { Admission, Desired } from "./model.js";

/** What the policy makes of a view. */
export interface Decision {
  readonly desired: Desired;
  /** What it would like to know; answers that come later change the next decision. */
  readonly questions: readonly ProbeQuestion[];
  /** Decide again then, even if nothing happens; undefined: nothing changes by itself. */
  readonly deadline: Instant | undefined;
  readonly damped: readonly DampedMember[];
}

/** A member with a penalty. */
export interface DampedMember {
  readonly node: string;
  readonly penalty: number;
  /** Held out until then; undefined if it is not held out. */
  readonly until: Instant | undefined;
}

/** Does the service at this address answer? */
export interface ProbeQuestion {
  readonly ip: string;
  readonly port: number;
  readonly probe: ProbeConfig;
}

export interface ProbeAnswers {
  answer(question: ProbeQuestion): "yes" | "no" | "unknown";
}

/** Two pools may ask one service for different things. */
export function keyOfQuestion({ ip, port, probe }: ProbeQuestion): string {
  return JSON.stringify([ip, port, probe]);
}

/** What an operator asks of the policy. */
export type PolicyOrder =
  | { readonly kind: "accept"; readonly pool?: string }
  | { readonly kind: "forgive"; readonly node: string }
  | {
      readonly kind: "override";
      readonly node: string;
      readonly admission: Admission | "none";
      readonly until?: Instant;
    };
