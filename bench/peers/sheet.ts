import { type Aim, type Figure, type FigureName, figures, type Sample } from "./figures.js";
import type { Candidate } from "./kinds.js";
import { ratio, type Summary, summaryOf } from "./statistics.js";

/** One figure under one condition, with all values that were measured. */
export interface Row {
  readonly figure: FigureName;
  /** Such as `50 agents`, or empty. */
  readonly condition: string;
  readonly values: Readonly<Record<Candidate, readonly number[]>>;
}

/** A part of the run that gave no values. */
export interface Failure {
  readonly what: string;
  readonly reason: string;
}

/** What was measured so far, and what could not be. */
export class Sheet {
  readonly failures: Failure[] = [];
  readonly #rows = new Map<string, Row & { readonly values: Record<Candidate, number[]> }>();

  /** `setting` is what all samples have in common, such as `50 agents`. */
  add(candidate: Candidate, setting: string, samples: readonly Sample[]): void {
    for (const { figure, value, variant = "" } of samples) {
      const condition = [setting, variant].filter((text) => text !== "").join(", ");
      const key = JSON.stringify([figure, condition]);
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = { figure, condition, values: { serf: [], gossipd: [], floor: [] } };
        this.#rows.set(key, row);
      }
      row.values[candidate].push(value);
    }
  }

  fail(what: string, thrown: unknown): Failure {
    const failure = { what, reason: thrown instanceof Error ? thrown.message : String(thrown) };
    this.failures.push(failure);
    return failure;
  }

  /** In the order of {@link figures}; of one figure in the order in which they came. */
  rows(): readonly Row[] {
    const names = Object.keys(figures);
    const place = ({ figure }: Row): number => names.indexOf(figure);
    return [...this.#rows.values()].sort((one, other) => place(one) - place(other));
  }
}

/** How a row compares. */
export interface Comparison {
  readonly serf: Summary | undefined;
  readonly gossipd: Summary | undefined;
  readonly floor: Summary | undefined;
  /** Our median over Serf's; undefined if there is none. */
  readonly overSerf: number | undefined;
  readonly overFloor: number | undefined;
  /** Undefined if nothing is aimed at, or it cannot be told. */
  readonly reached: boolean | undefined;
}

export function compare({ figure, values }: Row): Comparison {
  const { aim, worst = false }: Figure = figures[figure];
  const serf = summaryOf(values.serf);
  const gossipd = summaryOf(values.gossipd);
  const floor = summaryOf(values.floor);
  const base = aim?.over === "floor" ? floor : serf;
  return {
    serf,
    gossipd,
    floor,
    overSerf: over("median", gossipd, serf),
    overFloor: over("median", gossipd, floor),
    reached:
      aim &&
      gossipd &&
      base &&
      reaches(aim, gossipd.median, base.median) &&
      (!worst || reaches({ ...aim, factor: 1 }, gossipd.most, base.most)),
  };
}

function over(
  which: "median" | "most",
  one: Summary | undefined,
  base: Summary | undefined,
): number | undefined {
  return one && base && ratio(one[which], base[which]);
}

function reaches({ bound, factor }: Aim, value: number, base: number): boolean {
  return bound === "at most" ? value <= base * factor : value >= base * factor;
}
