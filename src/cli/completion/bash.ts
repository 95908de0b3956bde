import type { ValueHint } from "../../base/value-hint.js";
import { calledCommands, type Outline, type OutlinedCommand, quoted } from "./outline.js";

/**
 * The script for bash, from 3.2 on and without the bash-completion package.
 *
 * Readline takes words apart at `=`: they are put together again first, and what is offered after
 * `-flag=` stands alone, unless the user has told readline otherwise.
 */
export function bashScript(outline: Outline): string {
  const { program } = outline;
  const name = `_${program}`;
  const called = calledCommands(outline);
  const withInner = outline.commands.filter(({ subcommands }) => subcommands.length > 0);
  return `# Completion of ${program} for bash: source <(${program} completion bash)

# Members that the agent knows, but those whose names would have to be quoted.
${name}_members() {
  local run=(${program} members) rows
  command -v timeout >/dev/null && run=(timeout 2 "\${run[@]}")
  rows=$("\${run[@]}" 2>/dev/null) || return 0
  printf '%s\\n' "$rows" | cut -d ' ' -f 1 | grep -E '^[A-Za-z0-9._-]+$'
}

# Offers the lines that are read and begin with the word at hand, after what already stands.
${name}_offer() {
  local line
  while IFS= read -r line; do
    [[ $line == "$word"* ]] && COMPREPLY+=("$before$line")
  done
  return 0
}

${name}_offer_paths() {
  local line
  compopt -o filenames 2>/dev/null
  while IFS= read -r line; do COMPREPLY+=("$before$line"); done < <(compgen -f -- "$word")
}

# The flags of a command, and which of them take no value.
${name}_flags() {
  case "$1" in
${called.map(({ path, command }) => `    ${quoted(path)}) echo ${quoted(flagsOf(command))} ;;`).join("\n")}
  esac
}

${name}_switches() {
  case "$1" in
${called
  .map(({ path, command }) => `    ${quoted(path)}) echo ${quoted(` ${switchesOf(command)} `)} ;;`)
  .join("\n")}
  esac
}

# Offers values: of a flag (command, flag), or of positional arguments (command, no flag).
${name}_values() {
  case "$1:$2" in
${called.flatMap(({ path, command }) => valueCases(name, path, command)).join("\n")}
  esac
}

${name}() {
  COMPREPLY=()
  local words=() word='' before='' command='' flag='' index part joins=''
  for ((index = 1; index <= COMP_CWORD; index++)); do
    part=\${COMP_WORDS[index]}
    if [[ \${#words[@]} -gt 0 && ( $part == '=' || -n $joins ) ]]; then
      words[\${#words[@]}-1]+=$part
      [[ $part == '=' ]] && joins=yes || joins=''
    else
      words+=("$part")
    fi
  done
  local last=$((\${#words[@]} - 1)) next=1
  word=\${words[last]}
  if ((last == 0)); then
    ${name}_offer < <(printf '%s\\n' ${outline.commands.map((one) => one.name).join(" ")})
    return
  fi
  command=\${words[0]}
  case "$command" in
${withInner
  .map(
    ({ name: outer, subcommands }) => `    ${outer})
      if ((last == 1)); then
        ${name}_offer < <(printf '%s\\n' ${subcommands.map((one) => one.name).join(" ")})
        return
      fi
      command="$command \${words[1]}"
      next=2
      ;;`,
  )
  .join("\n")}
  esac
  # Flags end at the first word that is none; one that is no switch takes the next word.
  local switches ended=''
  switches=$(${name}_switches "$command")
  for ((index = next; index < last; index++)); do
    part=\${words[index]}
    case "$part" in
      --) ended=yes ;;
      -*=*) ;;
      -*)
        part=\${part#-}
        part=-\${part#-}
        if [[ $switches != *" $part "* ]]; then
          index=$((index + 1))
          ((index == last)) && flag=$part
        fi
        ;;
      *) ended=yes ;;
    esac
    [[ -n $ended ]] && break
  done
  if [[ -n $flag ]]; then
    ${name}_values "$command" "$flag"
  elif [[ -z $ended && $word == -*=* ]]; then
    flag=\${word%%=*}
    flag=\${flag#-}
    flag=-\${flag#-}
    [[ $COMP_WORDBREAKS == *=* ]] || before="\${word%%=*}="
    word=\${word#*=}
    ${name}_values "$command" "$flag"
  elif [[ -z $ended && $word == -* ]]; then
    [[ $word == --* ]] && word=\${word#-} before=-
    ${name}_offer < <(printf '%s\\n' $(${name}_flags "$command"))
  else
    ${name}_values "$command" ''
  fi
}

complete -F ${name} ${program}
`;
}

function flagsOf({ options }: OutlinedCommand): string {
  return ["-h", ...options.map(({ flag }) => `-${flag}`)].join(" ");
}

function switchesOf({ options }: OutlinedCommand): string {
  const switches = options.filter(({ kind }) => kind === "switch");
  return ["-h", ...switches.map(({ flag }) => `-${flag}`)].join(" ");
}

function valueCases(name: string, path: string, command: OutlinedCommand): string[] {
  const cases = command.options.flatMap(({ flag, value }) => {
    const action = actionOf(name, value);
    return action === undefined ? [] : [`    ${quoted(`${path}:-${flag}`)}) ${action} ;;`];
  });
  const action = actionOf(name, command.positionals);
  return action === undefined ? cases : [...cases, `    ${quoted(`${path}:`)}) ${action} ;;`];
}

function actionOf(name: string, hint: ValueHint | undefined): string | undefined {
  if (hint === undefined || hint === "address") return undefined;
  if (hint === "path") return `${name}_offer_paths`;
  if (hint === "member") return `${name}_offer < <(${name}_members)`;
  return `${name}_offer < <(printf '%s\\n' ${hint.join(" ")})`;
}
