import type { MemberReading } from "./reading.js";

/** By what the members are sorted; what is equal is sorted by name. */
export const orders = ["name", "trouble", "rtt"] as const;
export type Order = (typeof orders)[number];

/** What needs a look goes first. */
const troubles = ["failed", "suspected", "leaving", "alive", "left"];

/** What is shown as its status: a member that is alive may be suspected. */
export function shownStatus({ status, suspectedBy }: MemberReading): string {
  return status === "alive" && suspectedBy.length > 0 ? "suspected" : status;
}

/** `members` are sorted by name. */
export function sorted(members: readonly MemberReading[], order: Order): readonly MemberReading[] {
  switch (order) {
    case "name":
      return members;
    case "trouble":
      return members.toSorted(
        (one, other) =>
          troubles.indexOf(shownStatus(one)) - troubles.indexOf(shownStatus(other)) ||
          (other.lostProbes ?? 0) - (one.lostProbes ?? 0),
      );
    case "rtt":
      return members.toSorted((one, other) => (other.rttMillis ?? -1) - (one.rttMillis ?? -1));
  }
}

export function nextOrder(order: Order): Order {
  return orders[(orders.indexOf(order) + 1) % orders.length] ?? "name";
}
