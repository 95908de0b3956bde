import { compareTexts } from "../base/compare-texts.js";
import type { ServedServer } from "./model.js";

/** The order of servers in an observation. */
export function byPoolAndName(one: ServedServer, other: ServedServer): number {
  return compareTexts(one.pool, other.pool) || compareTexts(one.name, other.name);
}
