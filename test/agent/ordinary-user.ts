/** Runs `step` as somebody whom the modes of files bind. */
export function asOrdinaryUser(step: () => void): void {
  const user = process.geteuid?.();
  if (user === 0) process.seteuid?.(65_534);
  try {
    step();
  } finally {
    if (user === 0) process.seteuid?.(0);
  }
}
