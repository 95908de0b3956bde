import { type Option, options } from "./options.js";
import type { Settings, Values } from "./settings.js";
import { defaultSource, type Origins, type Source } from "./sources.js";

/** What one source says, and what it is called for each option. */
export interface Layer {
  readonly values: Values;
  sourceOf(option: Option): Source;
}

/** Settings, and where each of them came from. */
export interface Merged {
  readonly settings: Settings;
  readonly origins: Origins;
}

/** The settings if nothing is given. */
export const defaults: Settings = Object.fromEntries(
  options.map((option) => [option.field, option.default]),
) as unknown as Settings;

const nothingGiven: Merged = {
  settings: defaults,
  origins: Object.fromEntries(
    options.map((option) => [option.field, originOfDefault(option)]),
  ) as unknown as Origins,
};

function originOfDefault({ kind }: Option): Origins[keyof Settings] {
  if (kind === "list") return [];
  return kind === "tags" ? new Map() : defaultSource;
}

/** The defaults with what `layers` say, later ones last, by the rule of each option's kind (compat.md section 4.3). */
export function mergeLayers(layers: readonly Layer[]): Merged {
  return layers.reduce(mergeLayer, nothingGiven);
}

function mergeLayer(base: Merged, layer: Layer): Merged {
  const settings: Record<string, unknown> = { ...base.settings };
  const origins: Record<string, unknown> = { ...base.origins };
  for (const option of options) {
    const { field } = option;
    const over = layer.values[field];
    if (over === undefined) continue;
    const source = layer.sourceOf(option);
    switch (option.kind) {
      case "list": {
        const items = over as readonly string[];
        settings[field] = [...(base.settings[field] as readonly string[]), ...items];
        origins[field] = [
          ...(base.origins[field] as readonly Source[]),
          ...items.map(() => source),
        ];
        break;
      }
      case "tags": {
        const tags = over as ReadonlyMap<string, string>;
        const named = [...tags.keys()].map((name) => [name, source] as const);
        settings[field] = new Map([...base.settings[option.field], ...tags]);
        origins[field] = new Map([...base.origins[option.field], ...named]);
        break;
      }
      default:
        if (!replaces(option, base.settings[field], over)) break;
        settings[field] = over;
        origins[field] = source;
    }
  }
  return { settings, origins } as unknown as Merged;
}

/** Whether a value that is no collection takes the place of an earlier one. */
function replaces({ field, kind }: Option, base: unknown, over: unknown): boolean {
  switch (kind) {
    case "text":
      return over !== "";
    case "integer":
      // Serf lets a protocol below one fall back as well; the other integers may be negative there.
      return over !== 0 && !(field === "protocol" && (over as number) < 0);
    case "duration":
      return over !== 0;
    case "switch":
      return over === true && base === false;
    default:
      return true;
  }
}
