/** Orders texts by their UTF-16 units: the same everywhere, whatever the locale. */
export function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
