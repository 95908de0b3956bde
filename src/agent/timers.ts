import type { Millis } from "../base/units.js";

/** The longest time that an OS timer takes, some 25 days: a longer one would fire at once. */
export const longestTimer: Millis = 2 ** 31 - 1;
