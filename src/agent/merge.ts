import { type Option, options } from "./options.js";
import type { Layer, Settings } from "./settings.js";

/** The settings if nothing is given. */
export const defaults: Settings = Object.fromEntries(
  options.map((option) => [option.field, option.default]),
) as unknown as Settings;

/** `base` with what `over` says, by the rule of each option's kind (compat.md section 4.3). */
export function mergeLayers<Base extends Layer>(base: Base, over: Layer): Base {
  const merged: Record<string, unknown> = { ...base };
  for (const option of options) {
    const value = mergeValue(option, base[option.field], over[option.field]);
    if (value !== undefined) merged[option.field] = value;
  }
  return merged as Base;
}

function mergeValue(option: Option, base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  switch (option.kind) {
    case "text":
      return over === "" ? base : over;
    case "integer":
      // Serf lets a protocol below one fall back as well; the other integers may be negative there.
      return over === 0 || (option.field === "protocol" && (over as number) < 0) ? base : over;
    case "duration":
      return over === 0 ? base : over;
    case "switch":
      return base === true || over === true;
    case "toggle":
    case "limit":
      return over;
    case "list":
      return [...((base as readonly string[] | undefined) ?? []), ...(over as readonly string[])];
    case "tags":
      return new Map([
        ...((base as ReadonlyMap<string, string> | undefined) ?? []),
        ...(over as ReadonlyMap<string, string>),
      ]);
  }
}
