/** SEED=17 alone if the environment says so, else the first `count`. */
export function seeds(count: number): number[] {
  const { SEED } = process.env;
  if (SEED !== undefined) return [Number(SEED)];
  return Array.from({ length: count }, (_, index) => index + 1);
}
