import { parseDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import { attempt, type Refuse } from "./faults.js";
import type { Layer } from "./merge.js";
import { type Option, options } from "./options.js";
import type { Settings, Values } from "./settings.js";

/** One flag as it was given; `value` is `true` or `false` for a switch. */
export interface GivenFlag {
  readonly flag: string;
  readonly value: string;
}

/** What the flags say. A duration or tag that cannot be read is refused. */
export function flagLayer(given: readonly GivenFlag[], refuse: Refuse): Layer {
  const values: Partial<Record<keyof Settings, unknown>> = {};
  for (const { flag, value } of given) {
    attempt(refuse, () => {
      const option = options.find((one) => one.flag === flag || one.alias?.flag === flag);
      if (option === undefined) throw new OperatorError(`flag provided but not defined: -${flag}`);
      values[option.field] = flagValue(option, flag, value, values[option.field]);
    });
  }
  return {
    values: values as Values,
    sourceOf: ({ flag }) => ({ kind: "flag", name: `-${flag}` }),
  };
}

function flagValue(option: Option, flag: string, value: string, before: unknown): unknown {
  switch (option.kind) {
    case "text":
      return value;
    case "integer":
      return Number(value);
    case "switch":
    case "toggle":
      return (value === "true") !== (option.negated === true);
    case "duration":
      return value === "" ? 0 : flagDuration(flag, value);
    case "limit":
      return value === "" ? before : flagDuration(flag, value);
    case "list":
      return [...((before as readonly string[] | undefined) ?? []), value];
    case "object":
      throw new OperatorError(`Error: -${flag} takes no object`);
    case "tags": {
      const at = value.indexOf("=");
      if (at < 1) throw new OperatorError(`Error: Invalid tag: '${value}'`);
      const tags = new Map(before as ReadonlyMap<string, string> | undefined);
      return tags.set(value.slice(0, at), value.slice(at + 1));
    }
  }
}

function flagDuration(flag: string, value: string): number {
  try {
    return parseDuration(value);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`Error: -${flag}: ${error.message}`, { cause: error });
  }
}
