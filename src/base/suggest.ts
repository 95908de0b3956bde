import { closestMatch } from "leven";

/**
 * What whoever wrote `given` may have meant: the nearest of `known`, in any case, if not more than a
 * quarter of it would have to change. Two changes are always few enough but in the shortest words,
 * since letters that changed places count as two.
 *
 * The bound is strict so that the removed `leave_on_interrupt` does not lead to
 * `skip_leave_on_interrupt`, which says the opposite.
 */
export function suggest(given: string, known: Iterable<string>): string | undefined {
  const tolerated = given.length < 4 ? 1 : Math.max(2, Math.floor(given.length / 4));
  const candidates = new Map(Array.from(known, (name) => [name.toLowerCase(), name]));
  const nearest = closestMatch(given.toLowerCase(), [...candidates.keys()], {
    maxDistance: tolerated,
  });
  return nearest === undefined ? undefined : candidates.get(nearest);
}
