import type { Millis } from "../base/units.js";
import type { Watch } from "./expectation.js";
import { type Outcome, Tally } from "./tally.js";

/** One change and what came of it: what the balancer served, and what became of the requests. */
export class Phase {
  readonly title: string;
  /** No request may fail. */
  readonly planned: boolean;
  readonly watch: Watch;
  readonly tally = new Tally();
  /** Requests that began after the balancer had settled, and failed. */
  lostLate = 0;

  constructor(title: string, planned: boolean, watch: Watch) {
    this.title = title;
    this.planned = planned;
    this.watch = watch;
  }

  add(outcome: Outcome): void {
    this.tally.add(outcome);
    const { settledAt } = this.watch;
    const late = settledAt !== undefined && outcome.began > settledAt;
    if (outcome.kind === "lost" && late) this.lostLate += 1;
  }

  get settledAfter(): Millis | undefined {
    return this.watch.settledAfter;
  }

  /** What went wrong, in sentences; none if all went as it should. */
  faults(): string[] {
    const { lost, lostBecause } = this.tally;
    const found = [...this.watch.faults];
    if (this.settledAfter === undefined) found.push("the balancer never served what it should");
    if (this.planned && lost > 0) {
      const reasons = [...lostBecause].map(([why, count]) => `${count} x ${why}`).join(", ");
      found.push(`a planned change lost ${lost} requests: ${reasons}`);
    } else if (this.lostLate > 0) {
      found.push(`${this.lostLate} requests were lost after the balancer had settled`);
    }
    return found;
  }
}

/**
 * The phase to which a request belongs: the one in which it began, but one that was under way during
 * a crash belongs to that. `phases` are in their order; undefined if there are none.
 */
export function phaseOf(outcome: Outcome, phases: readonly Phase[]): Phase | undefined {
  const ended = outcome.began + outcome.took;
  const first = Math.max(
    0,
    phases.findLastIndex((phase) => phase.watch.began <= outcome.began),
  );
  const crash = (phase: Phase) => !phase.planned && phase.watch.began <= ended;
  return phases.slice(first).find(crash) ?? phases[first];
}
