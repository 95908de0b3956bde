import type { StateNews } from "../../handler/handler-input.js";
import type { MemberEvent, SerfEvent } from "../../serf/events.js";

/** What a script is run for. */
export type Told = SerfEvent | StateNews;

/** How a run's record calls it: `member-join`, `user:deploy`, `query:load`, `state`. */
export function toldName(told: Told): string {
  return "name" in told ? `${told.kind}:${told.name}` : told.kind;
}

export function isMemberEvent(told: Told): told is MemberEvent {
  return told.kind !== "user" && told.kind !== "query" && told.kind !== "state";
}

/** True if such an event tells that members are gone. */
export function isLoss(event: string): event is "member-leave" | "member-failed" | "member-reap" {
  return event === "member-leave" || event === "member-failed" || event === "member-reap";
}

/** True if such an event tells of members that are here. */
export function isPresence(event: string): event is "member-join" | "member-update" {
  return event === "member-join" || event === "member-update";
}
