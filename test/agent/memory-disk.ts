import type { Handle, SnapshotDisk } from "../../src/agent/snapshot-disk.js";
import type { Bytes } from "../../src/base/units.js";

/** The process ended in the middle of a call. */
export class ProcessEnded extends Error {}

/** An error as the system gives it. */
function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** `promise`, but what follows it ends with the process as well, without an error that nobody handles. */
function ending(promise: Promise<void>): Promise<void> {
  const then = (next: () => void, failed: (error: unknown) => void): Promise<void> =>
    promise.then(next, failed).catch((error: unknown) => {
      if (error instanceof ProcessEnded) return new Promise<void>(() => {});
      throw error;
    });
  return Object.assign(Promise.resolve(), { then }) as Promise<void>;
}

interface Inode {
  content: Buffer;
  /** What is left of it after a loss of power. */
  safe: Buffer;
  mode: number;
}

/** Files in memory, on a disk that fails or ends the process where a test wants it to. */
export class MemoryDisk implements SnapshotDisk {
  readonly files = new Map<string, Inode>();
  readonly directories = new Set<string>();
  /** How many calls and written bytes the process still has to live. */
  life = Number.POSITIVE_INFINITY;
  /** How many bytes still fit. */
  free = Number.POSITIVE_INFINITY;
  /** Calls that fail, and with which error. */
  readonly refused = new Map<keyof SnapshotDisk, string>();
  readonly #handles = new Map<Handle, Inode>();
  #lastHandle = 2;
  readonly #syncs: (() => void)[] = [];

  constructor(files: Readonly<Record<string, string | Bytes>> = {}) {
    for (const [path, text] of Object.entries(files)) {
      const content = Buffer.from(text);
      this.files.set(path, { content, safe: content, mode: 0o644 });
    }
  }

  /** What the next process finds; after a loss of power only what was synced. */
  next(powerLost = false): MemoryDisk {
    const disk = new MemoryDisk();
    for (const [path, { content, safe, mode }] of this.files) {
      const left = powerLost ? safe : content;
      disk.files.set(path, { content: left, safe: left, mode });
    }
    return disk;
  }

  text(path: string): string | undefined {
    return this.files.get(path)?.content.toString("latin1");
  }

  /** The asynchronous syncs under way come to their end. */
  async finishSyncs(): Promise<void> {
    for (const finish of this.#syncs.splice(0)) finish();
    await new Promise((resolve) => setImmediate(resolve));
  }

  get openHandles(): number {
    return this.#handles.size;
  }

  kindOf(path: string): "nothing" | "file" | "directory" {
    this.#call("kindOf");
    if (this.directories.has(path)) return "directory";
    return this.files.has(path) ? "file" : "nothing";
  }

  read(path: string): Bytes {
    this.#call("read");
    return this.#named(path).content;
  }

  realPath(path: string): string {
    return path;
  }

  open(path: string, mode: number): Handle {
    this.#call("open");
    return this.#handle(this.files.get(path) ?? this.#make(path, mode));
  }

  create(path: string, mode: number): Handle {
    this.#call("create");
    return this.#handle(this.#make(path, mode));
  }

  modeOf(path: string): number {
    return this.#named(path).mode;
  }

  /** Never all at once: a write may be short. */
  write(file: Handle, bytes: Bytes): number {
    this.#call("write");
    const inode = this.#opened(file);
    const wanted = bytes.length > 8 ? bytes.length - 3 : bytes.length;
    const done = Math.min(wanted, this.free, this.life);
    if (this.life <= 0) throw new ProcessEnded();
    if (done === 0) throw systemError("ENOSPC");
    inode.content = Buffer.concat([inode.content, bytes.subarray(0, done)]);
    this.free -= done;
    this.life -= done;
    if (this.life <= 0) throw new ProcessEnded();
    return done;
  }

  truncate(file: Handle, length: number): void {
    this.#call("truncate");
    const inode = this.#opened(file);
    this.free += inode.content.length - length;
    inode.content = inode.content.subarray(0, length);
  }

  syncNow(file: Handle): void {
    this.#call("syncNow");
    const inode = this.#opened(file);
    inode.safe = inode.content;
  }

  sync(file: Handle): Promise<void> {
    this.#call("sync");
    const inode = this.#opened(file);
    const promise = new Promise<void>((resolve, reject) => {
      this.#syncs.push(() => {
        const code = this.refused.get("sync");
        inode.safe = inode.content;
        if (code === undefined) resolve();
        else reject(systemError(code));
      });
    });
    return ending(promise);
  }

  close(file: Handle): void {
    this.#call("close");
    this.#opened(file);
    this.#handles.delete(file);
  }

  rename(from: string, to: string): void {
    this.#call("rename");
    const inode = this.#named(from);
    this.remove(to);
    this.files.delete(from);
    this.files.set(to, inode);
  }

  duplicate(from: string, to: string): void {
    this.#call("duplicate");
    if (this.files.has(to)) throw systemError("EEXIST");
    this.files.set(to, this.#named(from));
  }

  remove(path: string): void {
    const inode = this.files.get(path);
    if (inode === undefined) return;
    this.files.delete(path);
    if (![...this.files.values()].includes(inode)) this.free += inode.content.length;
  }

  #call(name: keyof SnapshotDisk): void {
    if (this.life <= 0) throw new ProcessEnded();
    this.life -= 1;
    const code = this.refused.get(name);
    if (code !== undefined && name !== "sync") throw systemError(code);
  }

  #make(path: string, mode: number): Inode {
    this.remove(path);
    const inode = { content: Buffer.alloc(0), safe: Buffer.alloc(0), mode };
    this.files.set(path, inode);
    return inode;
  }

  #named(path: string): Inode {
    const inode = this.files.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    return inode;
  }

  #handle(inode: Inode): Handle {
    this.#lastHandle += 1;
    this.#handles.set(this.#lastHandle, inode);
    return this.#lastHandle;
  }

  #opened(file: Handle): Inode {
    const inode = this.#handles.get(file);
    if (inode === undefined) throw systemError("EBADF");
    return inode;
  }
}
