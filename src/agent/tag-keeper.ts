import { OperatorError } from "../base/errors.js";
import type { Serf } from "../serf/serf.js";
import { encodeOwnTags } from "../serf/tags.js";
import type { Driver } from "./driver.js";
import { writeTagsFile } from "./tags-file.js";

type Tags = ReadonlyMap<string, string>;

export interface TagKeeperParts {
  readonly serf: Serf;
  readonly driver: Driver;
  /** Serf's, which decides how tags are encoded. */
  readonly protocol: number;
  /** Empty without a tags file. */
  readonly file: string;
  /** The tags that the configuration has; none with a tags file. */
  readonly configured: Tags;
}

/** Changes our own tags while the agent runs, and keeps the tags file in step. */
export class TagKeeper {
  readonly #parts: TagKeeperParts;
  #configured: Tags;

  constructor(parts: TagKeeperParts) {
    this.#parts = parts;
    this.#configured = parts.configured;
  }

  /** Deletes first, then sets. Rejects with OperatorError if the tags are too long. */
  change(set: Tags, remove: readonly string[]): Promise<void> {
    const tags = new Map(this.#parts.serf.local.tags);
    for (const key of remove) tags.delete(key);
    for (const [key, value] of set) tags.set(key, value);
    return this.#apply(tags);
  }

  /**
   * Takes over what changed in the configuration. Tags that were set or deleted at run time stay as
   * they are, unless the configuration now says something else about them than before: Serf loses
   * them here.
   */
  async reconfigure(configured: Tags): Promise<void> {
    const before = this.#configured;
    const set = new Map([...configured].filter(([key, value]) => before.get(key) !== value));
    const remove = [...before.keys()].filter((key) => !configured.has(key));
    this.#configured = configured;
    if (set.size === 0 && remove.length === 0) return;
    try {
      await this.change(set, remove);
    } catch (error) {
      // The next reload has to begin where this one did, unless it came first.
      if (this.#configured === configured) this.#configured = before;
      throw error;
    }
  }

  /** The file first: if it cannot be written nothing changes. */
  async #apply(tags: Tags): Promise<void> {
    const { driver, file, protocol, serf } = this.#parts;
    encodeOwnTags(tags, protocol);
    if (file !== "") writeTagsFile(file, tags);
    await new Promise<void>((resolve, reject) => {
      driver.feed((at) =>
        serf.setTags(at, tags, (error) => {
          if (error === undefined) resolve();
          else reject(new OperatorError(error));
        }),
      );
    });
  }
}
