/** Reading back what an earlier process remembered: from a file that may be old, cut or edited. */

/** `value` if it is a number within the bounds. */
export function numberIn(value: unknown, least: number, most: number): number | undefined {
  return typeof value === "number" && value >= least && value <= most ? value : undefined;
}
