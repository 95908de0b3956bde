/** Says in the report of a run what was measured. */
export function tell(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
