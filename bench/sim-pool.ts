import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { SeedResult } from "./sim-worker.js";

/** Seeds that a worker has before it, so that it never waits for us. */
const ahead = 4;

/**
 * Simulates seeds on many cores, as many at a time as there are workers. What becomes of a seed does not
 * depend on who simulates it, nor on what else is simulated.
 */
export async function simulateMany(options: {
  readonly jobs: number;
  /** The next seed; undefined if there is to be no more. */
  readonly next: () => number | undefined;
  readonly done: (result: SeedResult) => void;
}): Promise<void> {
  const { done, jobs, next } = options;
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      const worker = new Worker(new URL("./sim-worker.js", import.meta.url));
      let waiting = 0;
      const feed = (): void => {
        while (waiting < ahead) {
          const seed = next();
          if (seed === undefined) break;
          waiting += 1;
          worker.postMessage(seed);
        }
        if (waiting === 0) void worker.terminate();
      };
      worker.on("message", (result: SeedResult) => {
        waiting -= 1;
        done(result);
        feed();
      });
      feed();
      // An error of a worker is one of ours: it ends all.
      await once(worker, "exit");
    }),
  );
}
