import type { MemberInfo } from "../observe/member-info.js";
import { compareTexts } from "./order.js";

const mostSectors = 16;
const mostTags = 12;

/** Tags by which a ring can be arranged: of some values, each of several members or of few members at all. */
export function arrangingTags(members: readonly MemberInfo[]): readonly string[] {
  const values = new Map<string, Set<string>>();
  for (const { tags } of members) {
    for (const [key, value] of Object.entries(tags)) {
      const seen = values.get(key);
      if (seen === undefined) values.set(key, new Set([value]));
      else if (seen.size <= mostSectors) seen.add(value);
    }
  }
  return [...values]
    .filter(([, { size }]) => size >= 2 && size <= Math.min(mostSectors, members.length / 2))
    .map(([key]) => key)
    .sort(compareTexts)
    .slice(0, mostTags);
}
