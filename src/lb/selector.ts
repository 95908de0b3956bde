/**
 * Which members belong to a pool: every term must hold. Written `role=web,zone in (a|b),!lb=off,app`.
 */
export interface Selector {
  readonly terms: readonly SelectorTerm[];
  /** As the operator wrote it. */
  readonly text: string;
}

export interface SelectorTerm {
  readonly tag: string;
  /** Any of these; undefined: the tag only has to be there. */
  readonly values: ReadonlySet<string> | undefined;
  readonly negated: boolean;
}
