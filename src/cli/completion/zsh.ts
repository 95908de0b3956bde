import type { ValueHint } from "../../base/value-hint.js";
import type { OptionSpec } from "../command.js";
import {
  calledCommands,
  firstSentence,
  type Outline,
  type OutlinedCommand,
  quoted,
} from "./outline.js";

/** The script for zsh: to be sourced, or to be kept as `_PROGRAM` in a folder of `fpath`. */
export function zshScript(outline: Outline): string {
  const { program, commands } = outline;
  const name = `_${program}`;
  return `#compdef ${program}
# Completion of ${program} for zsh: source <(${program} completion zsh), after compinit

# Members that the agent knows, but those whose names would have to be quoted.
${name}_members() {
  setopt localoptions extendedglob
  local -a run=(${program} members) members
  local rows
  (( $+commands[timeout] )) && run=(timeout 2 $run)
  rows=$($run 2>/dev/null) || return 1
  members=(\${(M)\${\${(f)rows}%% *}:#[A-Za-z0-9._-]##})
  compadd -a members
}

${calledCommands(outline)
  .map(({ path, command }) => commandFunction(name, path, command))
  .join("\n")}
${name}() {
  local curcontext="$curcontext" state line
  local -a commands
  _arguments -C -A '-*' \\
    '(- *)-h[show the commands]' \\
    '(- *)--version[show the version]' \\
    '1:command:->command' \\
    '*::argument:->arguments' && return
  case $state in
    command)
      commands=(
${commands.map(({ name: called, summary }) => `        ${quoted(`${called}:${summary}`)}`).join("\n")}
      )
      _describe -t commands command commands
      ;;
    arguments)
      (( $+functions[${name}__$words[1]] )) && ${name}__$words[1]
      ;;
  esac
}

if [[ $funcstack[1] == ${name} ]]; then
  ${name} "$@"
else
  compdef ${name} ${program}
fi
`;
}

function commandFunction(name: string, path: string, command: OutlinedCommand): string {
  const own = `${name}__${path.replace(" ", "__")}`;
  if (command.subcommands.length > 0) return dispatcher(own, command);
  const specs = [
    "'(- *)-h[show the help]'",
    ...command.options.map((option) => optionSpec(name, option)),
    ...positionalSpec(name, command.positionals),
  ];
  return `${own}() {
  _arguments -A '-*' \\
    ${specs.join(" \\\n    ")}
}
`;
}

function dispatcher(own: string, { subcommands }: OutlinedCommand): string {
  return `${own}() {
  local curcontext="$curcontext" state line
  local -a commands
  _arguments -C '(- *)-h[show the help]' '1:command:->command' '*::argument:->arguments' && return
  case $state in
    command)
      commands=(
${subcommands.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join("\n")}
      )
      _describe -t commands command commands
      ;;
    arguments)
      (( $+functions[${own}__$words[1]] )) && ${own}__$words[1]
      ;;
  esac
}
`;
}

/** `-flag VALUE` and `-flag=VALUE` alike. */
function optionSpec(name: string, option: OptionSpec): string {
  const { flag, help, kind, placeholder = "VALUE", repeatable, value } = option;
  const star = repeatable === true ? "*" : "";
  const text = firstSentence(help).replace(/[[\]\\]/g, "\\$&");
  if (kind === "switch") return quoted(`${star}-${flag}[${text}]`);
  const message = placeholder.replaceAll(":", "\\:");
  return quoted(`${star}-${flag}=[${text}]:${message}:${actionOf(name, value)}`);
}

function positionalSpec(name: string, hint: ValueHint | undefined): string[] {
  if (hint === undefined) return [];
  const message = hint === "member" ? "member" : "argument";
  return [quoted(`*:${message}:${actionOf(name, hint)}`)];
}

function actionOf(name: string, hint: ValueHint | undefined): string {
  if (hint === undefined || hint === "address") return " ";
  if (hint === "path") return "_files";
  return hint === "member" ? `${name}_members` : `(${hint.join(" ")})`;
}
