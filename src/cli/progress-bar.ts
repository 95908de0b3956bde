import type { Terminal } from "./command.js";

/** What is over sooner needs no bar, in milliseconds of real time. */
const usualPatience = 700;

const barWidth = 24;

/** How far a long run is, in one line of a terminal; nothing at all if there is none. */
export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #patience: number;
  readonly #begun = performance.now();
  #shown = false;

  constructor(terminal: Terminal, patience = usualPatience) {
    this.#terminal = terminal;
    this.#patience = patience;
  }

  /** `done` is a share, 0 to 1. */
  show(done: number, what: string): void {
    const elapsed = performance.now() - this.#begun;
    const { errColumns } = this.#terminal;
    if (errColumns === undefined || elapsed < this.#patience) return;
    this.#shown = true;
    const filled = Math.min(barWidth, Math.floor(done * barWidth));
    const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
    const percent = `${Math.floor(done * 100)} %`.padStart(5);
    const line = `${bar} ${percent}  ${Math.round(elapsed / 1_000)} s  ${what}`;
    // A line that is full would scroll.
    this.#terminal.err(
      `\r${Array.from(line)
        .slice(0, errColumns - 1)
        .join("")}\x1b[K`,
    );
  }

  /** Leaves nothing behind. */
  clear(): void {
    if (this.#shown) this.#terminal.err("\r\x1b[K");
  }
}
