import type { ValueHint } from "../../base/value-hint.js";
import type { OptionSpec } from "../command.js";
import { calledCommands, firstSentence, type Outline, type OutlinedCommand } from "./outline.js";

/** The script for fish: to be sourced, or to be kept in a folder of `fish_complete_path`. */
export function fishScript(outline: Outline): string {
  const { program } = outline;
  const name = `__${program}`;
  return `# Completion of ${program} for fish: ${program} completion fish | source

# True if the words before the cursor begin with the command that is given.
function ${name}_in
    set -l words (commandline -opc)
    set -e words[1]
    string match -q -- "$argv *" "$words "
end

# True if exactly these words stand before the cursor.
function ${name}_after
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end

# Members that the agent knows, but those whose names would have to be quoted.
function ${name}_members
    set -l run ${program} members
    command -sq timeout; and set run timeout 2 $run
    set -l rows (command $run 2>/dev/null); or return 0
    printf '%s\\n' $rows | string replace -r ' .*' '' | string match -r '^[A-Za-z0-9._-]+$'
end

complete -c ${program} -e
complete -c ${program} -f
complete -c ${program} -n '${name}_after' -s h -d 'show the commands'
complete -c ${program} -n '${name}_after' -l version -d 'show the version'
${commandLines(program, `${name}_after`, outline.commands)}
${calledCommands(outline)
  .map(({ path, command }) => linesOf(program, name, path, command))
  .join("\n")}
`;
}

function linesOf(program: string, name: string, path: string, command: OutlinedCommand): string {
  const where = `complete -c ${program} -n '${name}_in ${path}'`;
  const lines = [`${where} -s h -d 'show the help'`];
  for (const option of command.options) lines.push(optionLine(where, name, option));
  const values = valuesOf(name, command.positionals);
  if (values !== undefined) lines.push(`${where} ${values}`);
  const inner = commandLines(program, `${name}_after ${path}`, command.subcommands);
  return [`# ${path}`, ...lines, ...(inner === "" ? [] : [inner]), ""].join("\n");
}

function commandLines(
  program: string,
  condition: string,
  commands: readonly OutlinedCommand[],
): string {
  return commands
    .map(
      ({ name, summary }) =>
        `complete -c ${program} -n '${condition}' -a ${name} -d ${quoted(summary)}`,
    )
    .join("\n");
}

/** Flags are what fish calls old style: one dash before a whole word. */
function optionLine(where: string, name: string, option: OptionSpec): string {
  const { flag, help, kind, value } = option;
  const line = `${where} -o ${flag} -d ${quoted(firstSentence(help))}`;
  if (kind === "switch") return line;
  return `${line} -r ${valuesOf(name, value) ?? "-f"}`;
}

function valuesOf(name: string, hint: ValueHint | undefined): string | undefined {
  if (hint === undefined || hint === "address") return undefined;
  if (hint === "path") return "-F";
  return hint === "member" ? `-f -a '(${name}_members)'` : `-f -a ${quoted(hint.join(" "))}`;
}

/** Between single quotes, where fish knows backslashes. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
