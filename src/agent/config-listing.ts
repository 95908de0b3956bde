import { formatDuration } from "../base/duration.js";
import type { Config } from "./config.js";
import { type Option, options } from "./options.js";
import type { Settings } from "./settings.js";
import type { Origins } from "./sources.js";

/** What stands for a secret that is set. */
const hidden = "(hidden)";

/** The value of one option, as it could stand in a configuration file. */
export interface ListedOption {
  /** Its key, or its flag if it has none. */
  readonly name: string;
  readonly value: unknown;
  readonly origin: Origins[keyof Settings];
}

/** All settings, in the order of the table. */
export function listSettings({ settings, origins }: Config): ListedOption[] {
  return options.map((option) => ({
    name: option.key ?? option.flag ?? option.field,
    value: shown(option, settings[option.field]),
    origin: origins[option.field],
  }));
}

function shown({ kind, secret }: Option, value: Settings[keyof Settings]): unknown {
  if (secret === true && value !== "") return hidden;
  if (kind === "duration" || kind === "limit") return formatDuration(value as number);
  return value instanceof Map ? Object.fromEntries(value) : (value ?? null);
}
