/** The middle of `values`; of an even number the lower of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/**
 * Runs every candidate in turns, so that a busy machine slows all of them alike, and gives each one's
 * median.
 */
export async function inTurns<Name extends string>(
  rounds: number,
  candidates: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(candidates) as Name[];
  const values = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) values.get(name)?.push(await candidates[name]());
  }
  return Object.fromEntries(names.map((name) => [name, median(values.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}

/** One line per candidate: its median and how many times that of `base` it is. */
export function printRatios<Name extends string>(
  title: string,
  unit: string,
  medians: Readonly<Record<Name, number>>,
  base: NoInfer<Name>,
): void {
  const rows = (Object.keys(medians) as Name[]).map((name) => [
    name,
    `${medians[name].toPrecision(4)} ${unit}`,
    `${(medians[name] / medians[base]).toFixed(2)} x ${base}`,
  ]);
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  process.stdout.write(`\n${title}\n`);
  for (const row of rows) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    process.stdout.write(`  ${cells.join("  ").trimEnd()}\n`);
  }
}
