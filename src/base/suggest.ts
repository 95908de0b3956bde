import { closest, distance } from "fastest-levenshtein";

/**
 * What whoever wrote `given` may have meant: the nearest of `known`, in any case, if not more than a
 * quarter of it would have to change. Two changes are always few enough but in the shortest words,
 * since letters that changed places count as two.
 *
 * The bound is strict so that the removed `leave_on_interrupt` does not lead to
 * `skip_leave_on_interrupt`, which says the opposite.
 */
export function suggest(given: string, known: Iterable<string>): string | undefined {
  const candidates = [...known];
  const [lowered, folded] = [given.toLowerCase(), candidates.map((name) => name.toLowerCase())];
  if (folded.length === 0) return undefined;
  const index = folded.indexOf(closest(lowered, folded));
  const tolerated = given.length < 4 ? 1 : Math.max(2, Math.floor(given.length / 4));
  const isNear = distance(lowered, folded[index] as string) <= tolerated;
  return isNear ? candidates[index] : undefined;
}
