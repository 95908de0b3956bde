import type { ValueHint } from "../../base/value-hint.js";
import type { Command, Entry, OptionSpec } from "../command.js";

/** What can be typed after the program's name, as the shells' scripts are written from it. */
export interface Outline {
  /** `gossipd` or `serf`. */
  readonly program: string;
  readonly commands: readonly OutlinedCommand[];
}

export interface OutlinedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  readonly positionals: ValueHint | undefined;
  readonly subcommands: readonly OutlinedCommand[];
}

/** The outline of these commands: what they parse is what is completed. */
export async function outlineOf(program: string, entries: readonly Entry[]): Promise<Outline> {
  const commands = entries.map(async ({ load, name, summary }) =>
    outlineCommand(name, summary, await load()),
  );
  return { program, commands: await Promise.all(commands) };
}

function outlineCommand(name: string, summary: string, command: Command): OutlinedCommand {
  const { options, positionals, subcommands = [] } = command;
  return {
    name,
    summary,
    options,
    positionals,
    subcommands: subcommands.map((one) => outlineCommand(one.name, one.summary, one.command)),
  };
}

/** A command and how it is called: `config check` for one in another. */
export interface CalledCommand {
  readonly path: string;
  readonly command: OutlinedCommand;
}

/** All commands, those in others after them. */
export function calledCommands({ commands }: Outline): CalledCommand[] {
  return commands.flatMap((command) => [
    { path: command.name, command },
    ...command.subcommands.map((inner) => ({
      path: `${command.name} ${inner.name}`,
      command: inner,
    })),
  ]);
}

/** The text up to the end of its first sentence, without the dot: what fits beside a name. */
export function firstSentence(text: string): string {
  return /^.*?(?=\.(\s|$))/.exec(text)?.[0] ?? text;
}

/** `text` between single quotes, for any of the shells but fish. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
