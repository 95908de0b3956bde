import { OperatorError } from "../base/errors.js";
import { textOf } from "./arguments.js";
import type { ClusterEvent, EventName, MemberEventType } from "./events.js";

const memberEvents: Readonly<Record<MemberEventType, true>> = {
  "member-join": true,
  "member-leave": true,
  "member-failed": true,
  "member-update": true,
  "member-reap": true,
};

export function isMemberEvent(name: string): name is MemberEventType {
  return Object.hasOwn(memberEvents, name);
}

/** Throws {@link OperatorError} if `name` is none. */
export function checkEventName(name: string): asserts name is EventName {
  if (isMemberEvent(name) || name === "*" || /^(?:user|query)(?::.+)?$/s.test(textOf("name", name)))
    return;
  throw new OperatorError(`there is no event ${JSON.stringify(name)} to listen to`);
}

export function isWanted(name: EventName, event: ClusterEvent): boolean {
  if (name === "*" || name === event.type) return true;
  return "name" in event && name === `${event.type}:${event.name}`;
}
