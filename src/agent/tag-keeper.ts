import { OperatorError } from "../base/errors.js";
import type { Serf } from "../serf/serf.js";
import { encodeOwnTags, sameTags } from "../serf/tags.js";
import type { Driver } from "./driver.js";
import { toldTags, withoutFindings } from "./tag-layers.js";
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
  /** What the member says besides, where nothing else is said; see {@link TagKeeper.underlie}. */
  readonly beneath: Tags;
  /** What it began with above that. */
  readonly initial: Tags;
}

/** Changes our own tags while the agent runs, and keeps the tags file in step. */
export class TagKeeper {
  readonly #parts: TagKeeperParts;
  #configured: Tags;
  /** What an operator, the configuration or the file wants. */
  #kept: Tags;
  /** What shows where nothing else is said. */
  #beneath: Tags;
  /** What covers it until the agent ends. */
  #passing: Tags = new Map();

  constructor(parts: TagKeeperParts) {
    this.#parts = parts;
    this.#configured = parts.configured;
    this.#beneath = parts.beneath;
    this.#kept = withoutFindings(parts.initial, parts.beneath);
  }

  /** Deletes first, then sets. Rejects with OperatorError if the tags are too long. */
  async change(set: Tags, remove: readonly string[]): Promise<void> {
    const { file, protocol } = this.#parts;
    const wanted = new Map(this.#kept);
    const passing = new Map(this.#passing);
    for (const key of [...remove, ...set.keys()]) passing.delete(key);
    for (const key of remove) wanted.delete(key);
    for (const [key, value] of set) wanted.set(key, value);
    const beneath = this.#beneath;
    const kept = withoutFindings(wanted, beneath);
    encodeOwnTags(toldTags({ beneath, kept, passing }), protocol);
    // The file first: if it cannot be written nothing changes.
    if (file !== "") writeTagsFile(file, kept);
    await this.#apply(kept, passing);
  }

  /**
   * Sets tags that show where neither {@link change} nor the configuration nor {@link cover} says anything
   * else; see {@link withoutFindings}.
   */
  async underlie(set: Tags): Promise<void> {
    this.#beneath = new Map([...this.#beneath, ...set]);
    const kept = withoutFindings(this.#kept, this.#beneath);
    const told = toldTags({ beneath: this.#beneath, kept, passing: this.#passing });
    if (sameTags(told, this.#parts.serf.local.tags)) return;
    await this.#apply(kept, this.#passing);
  }

  /**
   * Sets tags that end with this run of the agent: no file keeps them. An empty value takes one back.
   * Whoever changes one of them by {@link change} has the last word.
   */
  async cover(set: Tags): Promise<void> {
    const passing = new Map(this.#passing);
    for (const [key, value] of set) {
      if (value === "") passing.delete(key);
      else passing.set(key, value);
    }
    if (sameTags(passing, this.#passing)) return;
    await this.#apply(this.#kept, passing);
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

  async #apply(kept: Tags, passing: Tags): Promise<void> {
    const { driver, protocol, serf } = this.#parts;
    const tags = toldTags({ beneath: this.#beneath, kept, passing });
    encodeOwnTags(tags, protocol);
    this.#kept = kept;
    this.#passing = passing;
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
