import { join } from "node:path";
import { type Disk, readBytes, replaceOwn } from "./disk.js";

/**
 * Earlier contents of a file, oldest first, in a folder of their own: those that were confirmed as
 * `000012-good`, and those that were only found before they were replaced as `000013-found`. As many as
 * it was told, and always the one to go back to: the last good one, or the first if none is good.
 */
export class BackupRing {
  readonly #folder: string;
  readonly #capacity: number;
  readonly #disk: Disk;
  /** Oldest first. */
  #names: readonly string[];
  /** What {@link lastGood} gives, as it is asked for in every round. */
  #good: Buffer | undefined;

  private constructor(folder: string, capacity: number, disk: Disk, names: readonly string[]) {
    this.#folder = folder;
    this.#capacity = Math.max(1, capacity);
    this.#disk = disk;
    this.#names = names;
  }

  static async open(folder: string, capacity: number, disk: Disk): Promise<BackupRing> {
    await disk.mkdir(folder, { recursive: true, mode: 0o700 });
    const entries = await disk.readdir(folder);
    for (const entry of entries.filter((one) => one.endsWith(".tmp"))) {
      await disk.rm(join(folder, entry), { force: true });
    }
    const names = entries.filter((entry) => /^\d{6,}-(good|found)$/.test(entry));
    const ring = new BackupRing(folder, capacity, disk, names.sort(byNumber));
    const good = ring.#names.findLast(isGood);
    if (good !== undefined) ring.#good = await readBytes(disk, join(folder, good));
    return ring;
  }

  /** What was last confirmed. */
  get lastGood(): Buffer | undefined {
    return this.#good;
  }

  /** What came in last, confirmed or not. */
  newest(): Promise<Buffer | undefined> {
    return this.#readOne(this.#names.at(-1));
  }

  /** What to go back to: what came after what was found first was never confirmed. */
  async refuge(): Promise<Buffer | undefined> {
    return this.#good ?? (await this.#readOne(this.#names[0]));
  }

  /** Keeps what is about to be replaced, unless it is the last thing that came in. */
  async keep(bytes: Buffer): Promise<void> {
    if ((await this.newest())?.equals(bytes)) return;
    await this.#add(bytes, "found");
  }

  /** Keeps what was confirmed. */
  async confirm(bytes: Buffer): Promise<void> {
    if (this.#good?.equals(bytes)) return;
    await this.#add(bytes, "good");
    this.#good = bytes;
  }

  async #add(bytes: Buffer, kind: "good" | "found"): Promise<void> {
    const number = Number.parseInt(this.#names.at(-1) ?? "0", 10) + 1;
    const name = `${String(number).padStart(6, "0")}-${kind}`;
    await replaceOwn(this.#disk, join(this.#folder, name), bytes);
    this.#names = [...this.#names, name];
    await this.#prune();
  }

  async #readOne(name: string | undefined): Promise<Buffer | undefined> {
    return name === undefined ? undefined : readBytes(this.#disk, join(this.#folder, name));
  }

  async #prune(): Promise<void> {
    const refuge = this.#names.findLast(isGood) ?? this.#names[0];
    const stay = new Set([refuge, ...this.#names.slice(-this.#capacity)]);
    for (const name of this.#names.filter((one) => !stay.has(one))) {
      await this.#disk.rm(join(this.#folder, name), { force: true });
    }
    this.#names = this.#names.filter((name) => stay.has(name));
  }
}

function isGood(name: string): boolean {
  return name.endsWith("-good");
}

function byNumber(one: string, other: string): number {
  return Number.parseInt(one, 10) - Number.parseInt(other, 10);
}
