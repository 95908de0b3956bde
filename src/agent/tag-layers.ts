import { isOrdered, stateTag } from "./state-order.js";

type Tags = ReadonlyMap<string, string>;

/** What a member says of itself, by who wants it said; each covers those before it. */
export interface TagLayers {
  /** What we find of ourselves; empty where nobody looks. */
  readonly beneath: Tags;
  /** What the operator, the configuration or the tags file wants. */
  readonly kept: Tags;
  /** What ends with this run of the agent. */
  readonly passing: Tags;
}

/** What others are told. */
export function toldTags({ beneath, kept, passing }: TagLayers): Tags {
  return new Map([...beneath, ...withoutFindings(kept, beneath), ...passing]);
}

/**
 * Where we find our state ourselves, whoever says `ready` or `starting` leaves it to us: of an operator
 * only orders count, such as `maint`.
 */
export function withoutFindings(kept: Tags, beneath: Tags): Tags {
  if (!beneath.has(stateTag) || isOrdered(kept.get(stateTag))) return kept;
  return new Map([...kept].filter(([name]) => name !== stateTag));
}
