import type { Terminal } from "./command.js";
import { StatusLine } from "./status-line.js";

/** What is over sooner needs no bar, in milliseconds of real time. */
const usualPatience = 700;

const barWidth = 24;

/** How far a long run is, in one line of a terminal; nothing at all if there is none. */
export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #line: StatusLine;
  readonly #patience: number;
  readonly #begun = performance.now();

  constructor(terminal: Terminal, patience = usualPatience) {
    this.#terminal = terminal;
    this.#line = new StatusLine(terminal);
    this.#patience = patience;
  }

  /** `done` is a share, 0 to 1. */
  show(done: number, what: string): void {
    const elapsed = performance.now() - this.#begun;
    if (this.#terminal.errColumns === undefined || elapsed < this.#patience) return;
    const filled = Math.min(barWidth, Math.floor(done * barWidth));
    const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
    const percent = `${Math.floor(done * 100)} %`.padStart(5);
    this.#line.show(`${bar} ${percent}  ${Math.round(elapsed / 1_000)} s  ${what}`);
  }

  /** Leaves nothing behind. */
  clear(): void {
    this.#line.clear();
  }
}
