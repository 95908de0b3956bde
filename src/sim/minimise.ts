/**
 * The fewest `items` that still fail, as far as leaving out finds them (Zeller's delta debugging): first
 * halves are left out, then ever smaller parts, in the end single items. `fails` is asked at most
 * `budget` times; what was found by then is the answer.
 */
export function minimise<Item>(
  items: readonly Item[],
  fails: (items: readonly Item[]) => boolean,
  budget = 200,
): readonly Item[] {
  let kept = items;
  let parts = 2;
  for (let asked = 0; kept.length > 0; ) {
    const size = Math.ceil(kept.length / parts);
    let smaller: readonly Item[] | undefined;
    for (let from = 0; from < kept.length && smaller === undefined; from += size) {
      if (asked === budget) return kept;
      asked += 1;
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (fails(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      kept = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size <= 1) return kept;
    else parts = Math.min(kept.length, 2 * parts);
  }
  return kept;
}
