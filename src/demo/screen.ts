import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";

const styles = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 };
export type Style = keyof typeof styles;

/** Styles for those that tell of the cluster; web nodes get one of the others by their number. */
const nodeStyles: readonly Style[] = ["green", "yellow", "blue", "cyan"];

/**
 * What the user sees: lines that tell what happens, and on a terminal a line at the bottom that says
 * how things are. Into a pipe or a file go the lines alone, without colours.
 */
export class Screen {
  readonly #out: WriteStream;
  readonly #isTerminal: boolean;
  readonly #began = performance.now();
  #status = "";

  constructor(out: WriteStream) {
    this.#out = out;
    this.#isTerminal = out.isTTY === true;
  }

  paint(text: string, ...wanted: Style[]): string {
    if (!this.#isTerminal || process.env.NO_COLOR) return text;
    const codes = wanted.map((style) => styles[style]).join(";");
    return `\x1b[${codes}m${text}\x1b[0m`;
  }

  /** `text` in the colour of the node called `name`. */
  paintName(name: string, text = name): string {
    const number = Number(/\d+$/.exec(name)?.[0] ?? Number.NaN);
    return this.paint(text, nodeStyles[number % nodeStyles.length] ?? "bold");
  }

  /** One thing that happened, and to whom. */
  tell(who: string, text: string): void {
    const time = ((performance.now() - this.#began) / 1_000).toFixed(1).padStart(6);
    const gap = " ".repeat(Math.max(1, 10 - who.length));
    this.line(`${this.paint(time, "dim")}  ${this.paintName(who)}${gap}${text}`);
  }

  line(text: string): void {
    this.#out.write(`${this.#clear()}${text}\n${this.#status}`);
  }

  /** Replaces the line at the bottom with as many of `parts` as fit; nothing without a terminal. */
  status(parts: readonly string[]): void {
    if (!this.#isTerminal) return;
    let fitting = parts.length;
    while (visibleLength(parts.slice(0, fitting)) >= (this.#out.columns || 80)) fitting -= 1;
    this.#status = parts.slice(0, fitting).join("");
    this.#out.write(`${this.#clear()}${this.#status}`);
  }

  #clear(): string {
    return this.#isTerminal ? "\r\x1b[K" : "";
  }
}

function visibleLength(parts: readonly string[]): number {
  return stripVTControlCharacters(parts.join("")).length;
}
