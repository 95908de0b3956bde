import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { refuseTagsBesideFile } from "./agent-files.js";
import type { Config } from "./config.js";
import type { EventHub } from "./event-hub.js";
import { moreVerbose, parseLevel } from "./log-levels.js";
import type { Logs } from "./logs.js";
import {
  compareSettings,
  logReload,
  logTags,
  type ReloadChanges,
  reloadedSettings,
} from "./reload-report.js";
import type { Settings } from "./settings.js";
import type { TagKeeper } from "./tag-keeper.js";

/** What a reload reaches. */
export interface ReloadedParts {
  readonly hub: Pick<EventHub, "setHandlers">;
  /** Of the component `agent`. */
  readonly log: Log;
  readonly logs: Pick<Logs, "setLevel">;
  readonly tags: Pick<TagKeeper, "reconfigure">;
}

/** The settings of a running agent, some of which a reload replaces. */
export class LiveSettings {
  readonly #parts: ReloadedParts;
  #settings: Settings;

  constructor(settings: Settings, parts: ReloadedParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** As they are now. */
  get settings(): Settings {
    return this.#settings;
  }

  /**
   * Takes over what can change while the agent runs: log level, handlers, tags, and what signals do;
   * the log tells what changed, and what needs a restart. Returns what was wrong with the level; then
   * the old one stays, and the rest counts. Throws {@link OperatorError} before anything changed.
   */
  reload({ settings: given, handlers }: Config): string | undefined {
    const before = this.#settings;
    const { hub, log, logs } = this.#parts;
    refuseTagsBesideFile({ ...given, tagsFile: before.tagsFile });
    const fault = levelFault(given.logLevel);
    const settings = fault === undefined ? given : { ...given, logLevel: before.logLevel };
    const changes = compareSettings(before, settings);
    hub.setHandlers(handlers);
    this.#settings = reloadedSettings(before, settings);
    // What changed is told even if the one level or the other would hide it.
    logs.setLevel(moreVerbose(before.logLevel, settings.logLevel));
    logReload(log, changes);
    logs.setLevel(settings.logLevel);
    void this.#changeTags(before, settings, changes);
    return fault;
  }

  async #changeTags(before: Settings, after: Settings, changes: ReloadChanges): Promise<void> {
    const { log, tags } = this.#parts;
    try {
      await tags.reconfigure(after.tags);
      logTags(log, changes);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      log.error({ reason: error.message }, "tags could not be changed");
      // The next reload tells of them again, unless it came first.
      if (this.#settings.tags === after.tags) {
        this.#settings = { ...this.#settings, tags: before.tags };
      }
    }
  }
}

function levelFault(level: string): string | undefined {
  try {
    parseLevel(level);
    return undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message;
  }
}
