import { OperatorError } from "../base/errors.js";
import type { Arguments, OptionSpec } from "./command.js";

export const formatOption: OptionSpec = {
  flag: "format",
  kind: "text",
  placeholder: "FORMAT",
  help: "text (the default) or json.",
};

/** The output format that was asked for. Throws OperatorError if there is no such format. */
export function outputFormat(args: Arguments): "text" | "json" {
  const format = args.text("format") ?? "text";
  if (format === "text" || format === "json") return format;
  throw new OperatorError(`Encoding error: Invalid output format ${JSON.stringify(format)}`);
}
