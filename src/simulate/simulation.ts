import { Worker } from "node:worker_threads";
import { OperatorError } from "../base/errors.js";
import type { JobProgress, Message, SizeOrder, SizeResult } from "./job.js";
import { memory } from "./units.js";

const bytesPerMiB = 2 ** 20;

/** What is left to the rest of the machine, and to what the heap's limit does not count. */
const heapShare = 0.8;

/**
 * Young objects live for a packet or a second of virtual time: a larger nursery copies fewer. V8 takes a
 * third of it for what is alive: with 10,000 members that is more than it has by default, and each
 * collection would copy all of it.
 */
const largestNurseryMiB = 384;

/** Of all memory, where there is little of it. */
const nurseryShare = 0.25;

/**
 * Runs all sizes in a thread of its own, with most of the memory that is free; `workerFile` is the
 * built worker.ts. Rejects with
 * {@link OperatorError} if that does not suffice, and as soon as `signal` is raised with its reason.
 */
export async function simulate(
  workerFile: URL,
  sizes: readonly SizeOrder[],
  signal: AbortSignal,
  onProgress: (progress: JobProgress) => void,
  freeBytes = process.availableMemory(),
): Promise<readonly SizeResult[]> {
  signal.throwIfAborted();
  const heapMiB = Math.floor((freeBytes * heapShare) / bytesPerMiB);
  const nurseryMiB = Math.min(largestNurseryMiB, Math.ceil(heapMiB * nurseryShare));
  const worker = new Worker(workerFile, {
    workerData: sizes,
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: nurseryMiB },
  });
  let running = sizes[0]?.[0].nodes ?? 0;
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      worker.on("message", (message: Message) => {
        if (message.kind === "result") resolve(message.results);
        else {
          running = message.progress.nodes;
          onProgress(message.progress);
        }
      });
      worker.on("error", (error) => {
        reject(isOutOfMemory(error) ? tooLarge(running, heapMiB) : error);
      });
      worker.on("exit", () => reject(new Error("the simulation ended without a result")));
    });
  } finally {
    await worker.terminate();
  }
}

/** Of the heap, or of what lies beside it. */
function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") return true;
  return error instanceof RangeError && /allocation failed|maximum size/.test(error.message);
}

function tooLarge(nodes: number, heapMiB: number): OperatorError {
  const room = memory(heapMiB * bytesPerMiB);
  return new OperatorError(
    `-nodes=${nodes}: so many members do not fit into the ${room} of memory that a simulation can have here`,
  );
}
