import type { Member, MemberEvent, UserEvent } from "../../serf/events.js";
import type { RunRecord } from "./run-record.js";
import { isLoss, isPresence } from "./told.js";

/** What a script can be told again of a run, and of whom no more; or why it cannot be told at all. */
export type OnceMore =
  | { readonly event: MemberEvent | UserEvent; readonly leftOut: readonly string[] }
  | { readonly refusal: string };

/**
 * What a run was for, as it is now: of a join or an update those who are alive, with their data as it is; of
 * a loss those who are not back. `members`: all, as they are.
 */
export function onceMore(record: RunRecord, members: readonly Member[]): OnceMore {
  const { event, message } = record;
  if (isPresence(event)) return stillHere(event, record, members);
  if (isLoss(event)) return stillGone(event, record, members);
  if (message !== undefined) return { event: message, leftOut: [] };
  return {
    refusal: event.startsWith("query:")
      ? "it was for a query, which nobody waits for any more"
      : "the payload of its event is not on record",
  };
}

function stillHere(
  kind: MemberEvent["kind"],
  { names }: RunRecord,
  members: readonly Member[],
): OnceMore {
  const wanted = new Set(names);
  const here = members.filter(({ name, status }) => status === "alive" && wanted.has(name));
  const found = new Set(here.map(({ name }) => name));
  if (here.length === 0) return { refusal: "none of its members is alive any more" };
  return { event: { kind, members: here }, leftOut: names.filter((name) => !found.has(name)) };
}

/** A member that is forgotten is told of as it was. */
function stillGone(
  kind: MemberEvent["kind"],
  { lost, names }: RunRecord,
  members: readonly Member[],
): OnceMore {
  const known = new Map(members.map((member) => [member.name, member]));
  const kept = new Map(lost.map((member) => [member.name, member]));
  const gone = names.flatMap((name) => {
    const member = known.get(name) ?? kept.get(name);
    return member === undefined || member.status === "alive" ? [] : [member];
  });
  const found = new Set(gone.map(({ name }) => name));
  if (gone.length === 0) return { refusal: "all of its members are back" };
  return { event: { kind, members: gone }, leftOut: names.filter((name) => !found.has(name)) };
}
