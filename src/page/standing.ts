import type { MemberInfo } from "../observe/member-info.js";

/** What a member is to those who look at the page: its status, and whether somebody suspects it. */
export type Standing = "alive" | "suspected" | "leaving" | "left" | "failed";

/** In the order in which they are counted. */
export const standings: readonly Standing[] = ["alive", "suspected", "failed", "leaving", "left"];

export function standingOf({ status, suspectedBy }: MemberInfo): Standing {
  if (status === "failed" || status === "left") return status;
  if (suspectedBy.length > 0) return "suspected";
  return status === "leaving" ? "leaving" : "alive";
}

export function countStandings(members: Iterable<MemberInfo>): Record<Standing, number> {
  const counts = { alive: 0, suspected: 0, leaving: 0, left: 0, failed: 0 };
  for (const member of members) counts[standingOf(member)] += 1;
  return counts;
}
