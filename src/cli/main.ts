import { OperatorError } from "../base/errors.js";
import { asksForHelp, FlagError, parseArguments, UsageError } from "./argv.js";
import { hasColours } from "./colours.js";
import type { Command, Terminal } from "./command.js";
import { programUsage, registry } from "./registry.js";

/** Serf's exit code for a command that is missing or unknown. */
const usageExitCode = 127;

/** Runs the program in this process. */
export async function start(): Promise<void> {
  // Who reads our output may stop early (`members | head -1`); then there is nobody left to tell.
  process.stdout.on("error", () => process.exit(1));
  process.exitCode = await runProgram(process.argv.slice(2), {
    program: process.argv[1]?.endsWith("/serf") === true ? "serf" : "gossipd",
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errColumns: process.stderr.isTTY ? process.stderr.columns : undefined,
    outColours: hasColours(process.stdout.isTTY, process.env),
    screen: async () => (await import("./live/tty-screen.js")).ttyScreen(),
    onInterrupt: (run) => void process.on("SIGINT", run),
    onTerminate: (run) => void process.on("SIGTERM", run),
  });
}

/** Runs the program with `argv` (without the names of node and of the script); resolves with the exit code. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  const position = argv.findIndex((argument) => !argument.startsWith("-"));
  const leading = position < 0 ? argv : argv.slice(0, position);
  if (leading.some((flag) => flag === "-v" || flag === "--version")) {
    return await runCommand("version", [], [], terminal);
  }
  if (position < 0) {
    terminal.err(programUsage(terminal.program));
    return asksForHelp(leading) ? 0 : usageExitCode;
  }
  return await runCommand(argv[position] as string, leading, argv.slice(position + 1), terminal);
}

async function runCommand(
  name: string,
  leading: readonly string[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const entry = registry.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    terminal.err(programUsage(terminal.program));
    terminal.err(
      await meant(
        name,
        registry.map((one) => one.name),
        "",
      ),
    );
    return usageExitCode;
  }
  const loaded = await entry.load();
  const subcommand = loaded.subcommands?.find((one) => one.name === argv[0])?.command;
  if (subcommand === undefined) return await runLoaded(loaded, leading, argv, terminal);
  return await runLoaded(subcommand, leading, argv.slice(1), terminal);
}

async function runLoaded(
  command: Command,
  leading: readonly string[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  if (asksForHelp(leading) || asksForHelp(argv)) {
    terminal.err(await help(command, terminal));
    return 0;
  }
  if (leading.length > 0) {
    terminal.err(`Flags of a command stand after it: ${leading.join(" ")}\n\n`);
    terminal.err(await help(command, terminal));
    return 1;
  }
  try {
    return await command.run(parseArguments(command.options, argv, command.mixed), terminal);
  } catch (thrown) {
    return await explain(thrown, command, terminal);
  }
}

/** Errors go to stdout, where Serf puts them and scripts look for them. */
async function explain(thrown: unknown, command: Command, terminal: Terminal): Promise<number> {
  if (thrown instanceof FlagError) {
    terminal.err(`${thrown.message}\n`);
    if (thrown.unknown !== undefined) {
      const flags = command.options.map(({ flag }) => flag);
      terminal.err(await meant(thrown.unknown, flags, "-"));
    }
    terminal.out(await help(command, terminal));
  } else if (thrown instanceof UsageError) {
    if (thrown.message !== "") terminal.out(`${thrown.message}\n\n`);
    terminal.out(await help(command, terminal));
  } else if (thrown instanceof OperatorError) {
    terminal.out(`${thrown.message}\n`);
  } else {
    throw thrown;
  }
  return 1;
}

/** A line that asks whether one of `known` was meant, or nothing; loaded when somebody mistyped. */
async function meant(given: string, known: readonly string[], prefix: string): Promise<string> {
  const { suggest } = await import("../base/suggest.js");
  const near = suggest(given, known);
  return near === undefined ? "" : `Did you mean ${prefix}${near}?\n`;
}

async function help(command: Command, terminal: Terminal): Promise<string> {
  const { commandHelp } = await import("./help.js");
  return commandHelp(terminal.program, command);
}
