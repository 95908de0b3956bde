import { readdir, readFile, readlink } from "node:fs/promises";
import { type Listener, readListeners } from "../lb/listeners.js";

/** At most so many processes of one application are looked into. */
const mostProcesses = 256;

/**
 * What a process and its children listen on; undefined where the system does not tell, as for processes of
 * other users.
 */
export async function listenersOf(pid: number): Promise<readonly Listener[] | undefined> {
  const listeners = await readListeners();
  if (listeners === undefined) return undefined;
  const sockets = new Set<string>();
  for (const one of await familyOf(pid)) {
    const files = await readdir(`/proc/${one}/fd`).catch(() => undefined);
    if (files === undefined) return undefined;
    for (const file of files) {
      sockets.add(await readlink(`/proc/${one}/fd/${file}`).catch(() => ""));
    }
  }
  return listeners.filter(({ inode }) => sockets.has(`socket:[${inode}]`));
}

/** A process and all that it has started, as far as they still belong to it. */
async function familyOf(pid: number): Promise<readonly number[]> {
  const family = [pid];
  for (const one of family) {
    const text = await readFile(`/proc/${one}/task/${one}/children`, "utf8").catch(() => "");
    const children = text.split(/\s+/).filter(Boolean).map(Number);
    family.push(...children.slice(0, mostProcesses - family.length));
  }
  return family;
}
