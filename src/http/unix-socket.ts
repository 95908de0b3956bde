import { lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { isMainThread } from "node:worker_threads";
import { OperatorError } from "../base/errors.js";

/** Removes the socket of a process that ended without doing so. Throws {@link OperatorError} if it is in use. */
export async function yieldStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new OperatorError(`listen unix ${path}: there is something else that is no socket`);
  }
  if (await answers(path)) {
    throw new OperatorError(`listen unix ${path}: another process listens there`);
  }
  rmSync(path, { force: true });
}

/**
 * Runs what begins at once to listen, so that nobody else may connect even before rights could be set.
 * Other threads than the first cannot have that.
 */
export function withPrivateUmask<T>(begin: () => T): T {
  if (!isMainThread) return begin();
  const before = process.umask(0o177);
  try {
    return begin();
  } finally {
    process.umask(before);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}
