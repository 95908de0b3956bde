import type { Happening } from "./state.js";
import { type Tone, wordsOf } from "./words.js";

/** What happened in one part of the time that a strip shows. */
export interface Slot {
  readonly from: number;
  readonly counts: Readonly<Record<Tone, number>>;
  readonly total: number;
}

/** Spans that read well: 5 min, 15 min, 1 h, 6 h, 1 d. */
const spans = [5, 15, 60, 360, 1_440].map((minutes) => minutes * 60_000);

/** The shortest span that holds all that is on record, or the longest there is. */
export function spanOf(happenings: readonly Happening[], now: number): number {
  const age = now - (happenings[0]?.at ?? now);
  return spans.find((span) => span >= age) ?? (spans.at(-1) as number);
}

/** The last `span` milliseconds in `count` equal parts, the oldest first. */
export function slotsOf(
  happenings: readonly Happening[],
  now: number,
  span: number,
  count: number,
): readonly Slot[] {
  const width = span / count;
  // Slots begin at fixed times, or all of them would change with every second.
  const end = (Math.floor(now / width) + 1) * width;
  const slots = Array.from({ length: count }, (_, index) => ({
    from: end - span + index * width,
    counts: { bad: 0, warn: 0, good: 0, info: 0, quiet: 0 },
    total: 0,
  }));
  for (const { at, deed } of happenings) {
    // What came since `now` belongs to the newest.
    const slot = slots[Math.min(count - 1, Math.floor((at - (end - span)) / width))];
    if (slot === undefined) continue;
    slot.counts[wordsOf(deed, "").tone] += 1;
    slot.total += 1;
  }
  return slots;
}
