import type { Instant, Millis } from "../base/units.js";

/** What became of one request. */
export type Outcome =
  | {
      readonly kind: "answered";
      readonly began: Instant;
      readonly took: Millis;
      readonly by: string;
    }
  | { readonly kind: "lost"; readonly began: Instant; readonly took: Millis; readonly why: string };

/** Who answered how many requests, and what became of the others. */
export class Tally {
  /** At most one entry per node of the demo. */
  readonly answeredBy = new Map<string, number>();
  /** One entry per distinct reason. */
  readonly lostBecause = new Map<string, number>();
  answered = 0;
  lost = 0;
  slowest: Millis = 0;

  add(outcome: Outcome): void {
    this.slowest = Math.max(this.slowest, outcome.took);
    if (outcome.kind === "answered") {
      this.answered += 1;
      count(this.answeredBy, outcome.by);
    } else {
      this.lost += 1;
      count(this.lostBecause, outcome.why);
    }
  }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
