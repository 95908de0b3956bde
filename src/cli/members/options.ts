import { OperatorError } from "../../base/errors.js";
import type { MemberFilter } from "../../rpc/api.js";
import { parseTagPairs } from "../argv.js";
import type { Arguments, OptionSpec, Terminal } from "../command.js";

export const memberFormats = ["text", "json", "csv", "hosts", "env", "template"] as const;
export type MemberFormat = (typeof memberFormats)[number];

const wholeMatch = "The pattern must match the whole text.";

/** Which members are meant. */
export const filterOptions: readonly OptionSpec[] = [
  {
    flag: "name",
    kind: "text",
    placeholder: "REGEXP",
    help: `Only members whose name matches. ${wholeMatch}`,
  },
  {
    flag: "status",
    kind: "text",
    placeholder: "REGEXP",
    help: "Only members whose status (alive, leaving, left, failed) matches.",
  },
  {
    flag: "tag",
    kind: "text",
    placeholder: "KEY=REGEXP",
    repeatable: true,
    help: `Only members with a tag KEY that matches. ${wholeMatch}`,
  },
];

/** Throws OperatorError. */
export function filterOf(args: Arguments): MemberFilter {
  const tags = parseTagPairs(args.texts("tag"));
  return { name: args.text("name") ?? "", status: args.text("status") ?? "", tags };
}

/** Serf prints the warning in front of the JSON as well, where it breaks every parser. */
export function warnOfRole(args: Arguments, terminal: Terminal): void {
  const warning = "Deprecation warning: 'Role' has been replaced with 'Tags'\n";
  if ((args.text("format") ?? "text") === "text") terminal.out(warning);
  else terminal.err(warning);
}

/** Throws OperatorError if there is no such format. */
export function memberFormat(args: Arguments): MemberFormat {
  const given = args.text("format") ?? (args.text("template") === undefined ? "text" : "template");
  const format = memberFormats.find((one) => one === given);
  if (format !== undefined) return format;
  throw new OperatorError(`Encoding error: Invalid output format ${JSON.stringify(given)}`);
}
