import type { Bytes, Millis } from "../base/units.js";
import type { ValueHint } from "../base/value-hint.js";

/** What a flag takes. A switch takes its value only after `=`; all others in either way. */
export type OptionKind = "text" | "integer" | "duration" | "switch";

/** One flag of a command. Its `help` is what `-h` prints. */
export interface OptionSpec {
  /** Without dashes: `rpc-addr`. */
  readonly flag: string;
  readonly kind: OptionKind;
  /** What stands for the value in the help: `ADDR`. A switch has none. */
  readonly placeholder?: string;
  /** What a value is, for completion; free text if undefined. */
  readonly value?: ValueHint;
  /** May be given several times; the values are kept in order. Otherwise the last one counts. */
  readonly repeatable?: boolean;
  readonly help: string;
}

/** The arguments of a command after {@link OptionSpec}s were applied. */
export interface Arguments {
  /** All flags as given, in order; `value` is `true` or `false` for a switch. */
  readonly given: readonly { readonly flag: string; readonly value: string }[];
  readonly positionals: readonly string[];
  /** The last value of `flag`, or undefined if it was not given. */
  text(flag: string): string | undefined;
  /** Every value of `flag`, in order. */
  texts(flag: string): readonly string[];
  /** The last value of an integer flag, or undefined if it was not given. */
  integer(flag: string): number | undefined;
  /** The last value of a duration flag, or undefined if it was not given. */
  duration(flag: string): Millis | undefined;
  /** The state of a switch, or undefined if it was not given. */
  switched(flag: string): boolean | undefined;
}

/** The process as a command sees it. */
export interface Terminal {
  /** The name under which the program was called, for texts: `gossipd` or `serf`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes `text` to stdout as it is. */
  out(text: string | Bytes): void;
  /** Writes `text` to stderr as it is. */
  err(text: string): void;
  /** How wide the terminal on stderr is; undefined if it is none, where nothing is drawn. */
  readonly errColumns?: number | undefined;
  /** Whether stdout is a terminal that shows colours, and the user wants them. */
  readonly outColours?: boolean | undefined;
  /** The terminal on stdin and stdout; undefined if there is none that can be drawn on. */
  readonly screen?: () => Promise<Screen | undefined>;
  /** Calls `run` when the user interrupts (SIGINT); the process does not end by itself then. */
  onInterrupt(run: () => void): void;
  /** Calls `run` when the process is to end (SIGTERM), which it does not by itself then. */
  onTerminate?(run: () => void): void;
}

/** A terminal that is drawn on as a whole. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Takes it over, until the function that comes back is called; also an end of the process gives it back. */
  open(user: ScreenUser): () => void;
}

export interface ScreenUser {
  /** A character, or a name such as `up`, `page down` or `ctrl-c`, which interrupts nothing then. */
  readonly onKey: (key: string) => void;
  /** The size is another one, or the screen has to be drawn anew. */
  readonly onResize: () => void;
}

/** One command of the program: `gossipd NAME [options] ...`. One file each in `commands/`. */
export interface Command {
  readonly name: string;
  /** What follows the name in the usage line: `[options] ADDR...`. */
  readonly usage: string;
  /** What the command does, in full lines; the help wraps them. */
  readonly about: string;
  readonly options: readonly OptionSpec[];
  /** What the positional arguments are, for completion. */
  readonly positionals?: ValueHint;
  /** Flags may follow positional arguments too. Not with Serf's commands, which take all that follows for those. */
  readonly mixed?: true;
  /**
   * Commands of which one is named by the first argument; its own flags follow. What stands there
   * otherwise is for `run`.
   */
  readonly subcommands?: readonly Subcommand[];
  /** Printed after the options, as it is. */
  readonly epilogue?: string;
  /**
   * Resolves with the exit code. A thrown OperatorError is printed to stdout, a UsageError
   * with the command's help after it; the exit code is 1 then.
   */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

export interface Subcommand {
  readonly name: string;
  readonly summary: string;
  /** Its name is the whole one, with that of the command it belongs to. */
  readonly command: Command;
}

/** A command as the program's usage lists it. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loads the file of the command, and nothing of the others. */
  readonly load: () => Promise<Command>;
}
