/** A key that was pressed: `q`, `ctrl-c`, or a name such as `up`. */
export type Key = string;

/** What terminals send for keys that are no characters (ECMA-48, xterm's in both cursor modes). */
const names: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\x1b[C": "right",
  "\x1bOC": "right",
  "\x1b[D": "left",
  "\x1bOD": "left",
  "\x1b[5~": "page up",
  "\x1b[6~": "page down",
  "\x1b[H": "home",
  "\x1bOH": "home",
  "\x1b[1~": "home",
  "\x1b[F": "end",
  "\x1bOF": "end",
  "\x1b[4~": "end",
  "\x1b": "escape",
  "\x03": "ctrl-c",
  "\x04": "ctrl-d",
  "\x0c": "ctrl-l",
  "\r": "enter",
  "\n": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal sends
const sequence = /\x1b\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]|\x1bO[A-Z]|./gsu;

/** The keys in what came from a terminal at once; sequences that we do not know are left out. */
export function readKeys(text: string): Key[] {
  return (text.match(sequence) ?? []).flatMap((part) => {
    const name = names[part];
    if (name !== undefined) return [name];
    return /^\P{Cc}$/u.test(part) ? [part] : [];
  });
}
