import { basename, dirname, join } from "node:path";
import { assert } from "../base/assert.js";
import { OperatorError } from "../base/errors.js";
import { BackupRing } from "./backup-ring.js";
import {
  behindLinks,
  codeOf,
  type Disk,
  diskError,
  readBytes,
  realDisk,
  replaceOwn,
  syncFolder,
  temporaryOf,
  writeNew,
} from "./disk.js";
import { decode, type Encoding, encode } from "./encoding.js";

export interface StoreOptions {
  /** The proxy's configuration file. */
  readonly file: string;
  /** A folder for this file alone: earlier contents and the journal; made if it is not there. */
  readonly folder: string;
  /** How many earlier contents are kept. */
  readonly backups: number;
  readonly disk?: Disk;
}

interface Staged {
  readonly path: string;
  readonly bytes: Buffer;
  /** It cannot be moved to its place: only the content of the file there can be replaced. */
  readonly inPlace: boolean;
}

/**
 * One configuration file on the disk: at any moment, also after a crash, it is a whole old one or a
 * whole new one, and what it was before is kept.
 *
 * It is replaced by a new file of the same owner and mode, through links. Where that is impossible, as
 * for a single file that is mounted into a container, its content is overwritten, and a journal lets
 * the next start complete what a crash interrupted. All methods throw OperatorError for what the disk
 * refuses; the file is then as it was.
 */
export class ConfigStore {
  readonly #file: string;
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #ring: BackupRing;
  #staged: Staged | undefined;
  /** What the file held when it was read last: what the staged text was made from. */
  #read: Buffer | undefined;
  /** What we wrote last: only what others wrote has to be kept. */
  #written: Buffer | undefined;
  /** How bytes become text, see {@link decode}. */
  #encoding: Encoding = "utf8";
  #recovered: string | undefined;

  private constructor(options: StoreOptions, disk: Disk, ring: BackupRing) {
    this.#file = options.file;
    this.#folder = options.folder;
    this.#disk = disk;
    this.#ring = ring;
  }

  /** Makes the folder, removes leftovers of a crash and completes what it interrupted. */
  static async open(options: StoreOptions): Promise<ConfigStore> {
    const { disk = realDisk, folder, file, backups } = options;
    try {
      await disk.mkdir(folder, { recursive: true, mode: 0o700 });
      const ring = await BackupRing.open(join(folder, "backups"), backups, disk);
      const store = new ConfigStore(options, disk, ring);
      await store.#removeLeftovers();
      // If that fails now, each read tries again.
      await store.#completeRewrite().catch(() => {});
      return store;
    } catch (error) {
      throw diskError(`cannot keep earlier contents of ${file} in ${folder}`, error);
    }
  }

  /** What the last run left half done and how it was put right, one line for the log; undefined if nothing. */
  get recovered(): string | undefined {
    return this.#recovered;
  }

  /** What the file holds, undefined if there is none. */
  async read(): Promise<string | undefined> {
    try {
      await this.#completeRewrite();
      this.#read = await readBytes(this.#disk, await this.#target());
    } catch (error) {
      throw diskError(`cannot read ${this.#file}`, error);
    }
    if (this.#read === undefined) return undefined;
    const { text, encoding } = decode(this.#read);
    this.#encoding = encoding;
    return text;
  }

  /**
   * Writes the text beside the file, where the checker can read it, and gives the path. Its name begins
   * with a dot, so that no `include *` finds it. In a folder that is read-only it is in ours instead.
   */
  async stage(text: string): Promise<string> {
    const bytes = encode(text, this.#encoding);
    try {
      const target = await this.#target();
      const owner = await statOf(this.#disk, target);
      const mode = owner === undefined ? 0o600 : owner.mode & 0o777;
      const path = stagedBeside(target);
      try {
        const owned = await writeNew(this.#disk, path, bytes, mode, owner);
        this.#staged = { path, bytes, inPlace: !owned };
      } catch (error) {
        await this.#disk.rm(path, { force: true }).catch(() => {});
        if (!folderIsNotOurs.has(codeOf(error) ?? "") || owner === undefined) throw error;
        const away = this.#stagedAway();
        await writeNew(this.#disk, away, bytes, 0o600, undefined);
        this.#staged = { path: away, bytes, inPlace: true };
      }
      return this.#staged.path;
    } catch (error) {
      await this.discard();
      throw diskError(`cannot write ${this.#file}`, error, "; it stays as it is");
    }
  }

  /** Removes what was staged and is not wanted. */
  async discard(): Promise<void> {
    this.#staged = undefined;
    await this.#removeLeftovers();
  }

  /**
   * Puts what was staged in its place; what was there is kept. Throws without a change if somebody else
   * changed the file since it was read.
   */
  async commit(): Promise<void> {
    const staged = this.#staged;
    assert(staged !== undefined, "nothing was staged");
    try {
      const target = await this.#target();
      const before = await readBytes(this.#disk, target);
      if (!same(before, this.#read)) {
        throw new OperatorError(
          `${this.#file} was changed by somebody else just now; it stays as it is and is read again`,
        );
      }
      if (before !== undefined) await this.#ring.keep(before);
      await this.#put(staged, target, before);
    } catch (error) {
      await this.discard();
      throw diskError(`cannot replace ${this.#file}`, error, "; it stays as it is");
    }
    this.#read = staged.bytes;
    this.#staged = undefined;
  }

  /** The proxy serves what was read or committed last: that is the last good content from now on. */
  async confirm(): Promise<void> {
    try {
      if (this.#read !== undefined) await this.#ring.confirm(this.#read);
    } catch (error) {
      throw diskError(`cannot keep a copy of ${this.#file} in ${this.#folder}`, error);
    }
  }

  /** What was confirmed last, by this process or an earlier one. */
  lastGood(): string | undefined {
    const good = this.#ring.lastGood;
    return good === undefined ? undefined : decode(good).text;
  }

  /**
   * Puts the last good content back, or what was found first if there is none, and gives it; undefined
   * if nothing is known. What somebody else wrote meanwhile is kept.
   */
  async restore(): Promise<string | undefined> {
    const bytes = await this.#ring.refuge();
    if (bytes === undefined) return undefined;
    try {
      const target = await this.#target();
      const before = await readBytes(this.#disk, target);
      if (!same(before, bytes)) {
        if (before !== undefined && !same(before, this.#written)) await this.#ring.keep(before);
        const { text, encoding } = decode(bytes);
        this.#encoding = encoding;
        await this.stage(text);
        assert(this.#staged !== undefined, "it was staged just now");
        await this.#put(this.#staged, target, before);
        this.#staged = undefined;
      }
    } catch (error) {
      await this.discard();
      throw diskError(`cannot restore ${this.#file}`, error);
    }
    this.#read = bytes;
    return decode(bytes).text;
  }

  /** Where the file really is; links may be changed at any time. */
  #target(): Promise<string> {
    return behindLinks(this.#disk, this.#file);
  }

  #stagedAway(): string {
    return join(this.#folder, basename(this.#file));
  }

  #journal(): string {
    return join(this.#folder, "rewrite");
  }

  async #removeLeftovers(): Promise<void> {
    const target = await this.#target().catch(() => this.#file);
    const journal = temporaryOf(this.#journal());
    for (const path of [stagedBeside(target), this.#stagedAway(), journal]) {
      // In a folder that is read-only there are none.
      await this.#disk.rm(path, { force: true }).catch(() => {});
    }
  }

  async #put(staged: Staged, target: string, before: Buffer | undefined): Promise<void> {
    if (!staged.inPlace || before === undefined) {
      try {
        await this.#disk.rename(staged.path, target);
        this.#written = staged.bytes;
        await syncFolder(this.#disk, dirname(target));
        return;
      } catch (error) {
        if (!onlyInPlace.has(codeOf(error) ?? "") || before === undefined) throw error;
      }
    }
    await replaceOwn(this.#disk, this.#journal(), staged.bytes);
    await this.#rewrite(target, staged.bytes, before);
    this.#written = staged.bytes;
    await this.#endRewrite();
    await this.#removeLeftovers();
  }

  /** Overwrites the content; if that fails, `before` is there again, or the journal still is. */
  async #rewrite(target: string, bytes: Buffer, before: Buffer): Promise<void> {
    const file = await this.#disk.open(target, "r+").catch(async (error) => {
      await this.#endRewrite();
      throw error;
    });
    try {
      await overwrite(file, bytes, before.length);
    } catch (error) {
      await overwrite(file, before, before.length).catch((again) => {
        throw diskError(`${this.#file} is half written and completed at the next try`, again);
      });
      await this.#endRewrite();
      throw error;
    } finally {
      await file.close();
    }
  }

  async #endRewrite(): Promise<void> {
    await this.#disk.rm(this.#journal(), { force: true });
    await syncFolder(this.#disk, this.#folder);
  }

  /** Does again what a crash, or a disk that failed, may have left half done. */
  async #completeRewrite(): Promise<void> {
    const intended = await readBytes(this.#disk, this.#journal());
    if (intended === undefined) return;
    const target = await this.#target();
    const found = await readBytes(this.#disk, target);
    const before = await this.#ring.newest();
    if (found !== undefined && !found.equals(intended) && !same(found, before)) {
      const torn = join(this.#folder, "torn");
      await replaceOwn(this.#disk, torn, found);
      const file = await this.#disk.open(target, "r+");
      try {
        await overwrite(file, intended, found.length);
      } finally {
        await file.close();
      }
      this.#recovered = `${this.#file} was half written; it was completed, and what was found is kept in ${torn}`;
    }
    await this.#endRewrite();
  }
}

function stagedBeside(target: string): string {
  return join(dirname(target), `.${basename(target)}.gossipd-staged`);
}

/** A new file cannot be made there, but the one that is there may be ours to write. */
const folderIsNotOurs: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);

/** The name cannot be given to another file: a mount point of its own, or a folder that is not ours. */
const onlyInPlace: ReadonlySet<string> = new Set([...folderIsNotOurs, "EBUSY", "EXDEV"]);

/** What is beyond the old end goes first: if the disk is full, nothing of the old content is lost yet. */
async function overwrite(
  file: Awaited<ReturnType<Disk["open"]>>,
  bytes: Buffer,
  oldLength: number,
): Promise<void> {
  await writeAt(file, bytes.subarray(oldLength), oldLength);
  await writeAt(file, bytes.subarray(0, oldLength), 0);
  await file.truncate(bytes.length);
  await file.sync();
}

async function writeAt(
  file: Awaited<ReturnType<Disk["open"]>>,
  bytes: Buffer,
  position: number,
): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const left = bytes.length - written;
    written += (await file.write(bytes, written, left, position + written)).bytesWritten;
  }
}

function same(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

async function statOf(disk: Disk, path: string) {
  try {
    return await disk.stat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
