import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/** All that we started and that still runs. */
const running = new Set<ChildProcess>();

/** Starts a process that ends at the latest when we do. */
export function startChild(
  [program, ...before]: readonly [string, ...string[]],
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(program, [...before, ...args], options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  // Without a listener, a program that is not there would end us; whoever waits for it will notice.
  child.once("error", () => running.delete(child));
  return child;
}

/** Ends a process, also one that is stopped, and waits for its end. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Leaves nothing behind, however we end. */
export function endChildrenAtExit(): void {
  process.once("exit", () => {
    for (const child of running) child.kill("SIGKILL");
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(1));
  }
}
