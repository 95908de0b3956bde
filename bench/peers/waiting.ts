export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/** Waits until `probe` holds; false if it does not within `limit` ms. */
export async function holds(
  probe: () => boolean | Promise<boolean>,
  limit: number,
  every = 20,
): Promise<boolean> {
  const end = performance.now() + limit;
  while (!(await probe())) {
    if (performance.now() > end) return false;
    await pause(every);
  }
  return true;
}

/** As {@link holds}, but an error if it does not. */
export async function until(
  what: string,
  probe: () => boolean | Promise<boolean>,
  limit: number,
  every = 20,
): Promise<void> {
  if (!(await holds(probe, limit, every))) throw new Error(`waited ${limit} ms in vain: ${what}`);
}

/** What `work` gives; an error if that takes longer than `limit` ms, whatever becomes of it then. */
export async function within<T>(what: string, limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${limit / 1_000} s`)),
      limit,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
