/** The beginning of a command line, as far as it can be read without running it. */
export interface SimpleCommand {
  /** The first is what is run; without the assignments before it. Empty if nothing can be told. */
  readonly words: readonly string[];
  /** Whether more follows (`;`, `|`, `&&`), or what only a shell can resolve (`$`). */
  readonly isWhole: boolean;
}

/** Words that only say how another command is run. */
const prefixes: ReadonlySet<string> = new Set(["exec", "command", "nohup", "setsid"]);

/** Reads the first simple command of a shell command line: quotes, backslashes, assignments, `exec`. */
export function firstCommand(line: string): SimpleCommand {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  let isWhole = true;
  for (let at = 0; at < line.length; at += 1) {
    const sign = line[at] as string;
    if (quote !== "") {
      if (sign === quote) quote = "";
      else if (sign === "\\" && quote === '"' && /["\\$`]/.test(line[at + 1] ?? "")) {
        at += 1;
        word += line[at] ?? "";
      } else word += sign;
      if (sign === "$" && quote === '"') isWhole = false;
      continue;
    }
    if (sign === "'" || sign === '"') {
      quote = sign;
      word ??= "";
    } else if (sign === "\\") {
      at += 1;
      word = (word ?? "") + (line[at] ?? "");
    } else if (/\s/.test(sign)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      if (sign === "\n" && words.length > 0) {
        isWhole = isWhole && line.slice(at).trim() === "";
        break;
      }
    } else if (/[;|&<>(){}]/.test(sign)) {
      isWhole = false;
      break;
    } else {
      if (sign === "$" || sign === "`") isWhole = false;
      word = (word ?? "") + sign;
    }
  }
  if (word !== undefined) words.push(word);
  return { words: withoutPrefix(words), isWhole };
}

function withoutPrefix(words: readonly string[]): readonly string[] {
  const first = words.findIndex(
    (word) => !prefixes.has(word) && !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word) && word !== "env",
  );
  return first < 0 ? [] : words.slice(first);
}
