import type { Sample } from "./figures.js";
import type { Group } from "./group.js";
import type { Candidate } from "./kinds.js";

/** Measures single processes; takes the turns itself. */
export interface LoneScenario {
  readonly name: string;
  /** Longer than this, in ms, it never takes. */
  readonly limit: number;
  run(rounds: number, note: Note): Promise<void>;
}

/** Takes samples of one candidate. */
type Note = (candidate: Candidate, samples: readonly Sample[]) => void;

/** Measures something of a group that has found together, and leaves it so. */
export interface GroupScenario {
  readonly name: string;
  readonly limit: number;
  /** Smaller groups are left out. */
  readonly leastAgents?: number;
  /** It takes long: only in the first round, or even then only with the largest group. */
  readonly sparing?: "first round" | "largest group";
  /** What was noted counts also if something fails later. */
  run(group: Group, note: (samples: readonly Sample[]) => void): Promise<void>;
}
