/** Whether all rounds, sizes and kinds are to be taken (`npm run test:lb -- --full`), or what CI has time for. */
export const full = process.env.TEST_LB_FULL !== undefined;

/** One of two sizes. */
export function size(quick: number, whole: number): number {
  return full ? whole : quick;
}
