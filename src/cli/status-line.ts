import type { Terminal } from "./command.js";

/** One line on the terminal of stderr that says how far something is; nothing at all if there is none. */
export class StatusLine {
  readonly #terminal: Pick<Terminal, "err" | "errColumns">;
  #isShown = false;

  constructor(terminal: Pick<Terminal, "err" | "errColumns">) {
    this.#terminal = terminal;
  }

  /** Replaces the line. */
  show(text: string): void {
    const { errColumns } = this.#terminal;
    if (errColumns === undefined) return;
    this.#isShown = true;
    // A line that is full would scroll.
    const shown = Array.from(text).slice(0, errColumns - 1);
    this.#terminal.err(`\r${shown.join("")}\x1b[K`);
  }

  /** Leaves nothing behind. */
  clear(): void {
    if (this.#isShown) this.#terminal.err("\r\x1b[K");
    this.#isShown = false;
  }
}
