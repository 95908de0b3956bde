import type { Millis } from "../base/units.js";

/** How an application fares under its supervisor. */
export interface Condition {
  /** `waiting`: it has ended, and is started again. `ended`: it is not. */
  readonly phase: "running" | "waiting" | "ended";
  /** Of its process; null while there is none. */
  readonly pid: number | null;
  /** How often it was started again. */
  readonly restarts: number;
  /** How it ended last; null: it never did. */
  readonly lastEnd: string | null;
  /** Until it is started again; null unless it is waited for. */
  readonly nextStart: Millis | null;
  readonly isReady: boolean;
  /** What the checks found last; null: nothing, or they were not tried yet. */
  readonly complaint: string | null;
}
