import type { Paint } from "../colours.js";
import type { Screen, Terminal } from "../command.js";
import { type Cell, cut } from "./table.js";

/** What a screen shows. Lines hold no more than colours that a terminal acts upon. */
export interface Picture {
  /** Always at the top; */
  readonly head: readonly string[];
  /** scrolled if there are too many; */
  readonly body: readonly string[];
  /** and the last line. */
  readonly foot: Cell;
}

export interface LiveViewParts {
  readonly screen: Screen;
  readonly terminal: Pick<Terminal, "out">;
  readonly paint: Paint;
  readonly picture: (columns: number, rows: number) => Picture;
  /** Other keys than those that scroll and end it; it is drawn anew after that. */
  readonly onKey?: (key: string) => void;
}

/** Draws on a terminal until the user has seen enough. */
export class LiveView {
  /** Resolves when the user ends it. */
  readonly ended: Promise<void>;
  readonly #parts: LiveViewParts;
  readonly #restore: () => void;
  #offset = 0;
  #end: () => void = () => {};
  #isOpen = true;

  /** Takes the screen over. */
  constructor(parts: LiveViewParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#restore = parts.screen.open({
      onKey: (key) => this.#handleKey(key),
      onResize: () => this.draw(),
    });
    this.draw();
  }

  /** Gives the screen back. */
  close(): void {
    this.#isOpen = false;
    this.#restore();
  }

  draw(): void {
    if (!this.#isOpen) return;
    const { paint, picture, screen, terminal } = this.#parts;
    const { columns, rows } = screen;
    const { head, body, foot } = picture(columns, rows);
    const room = Math.max(0, rows - head.length - 1);
    this.#offset = Math.max(0, Math.min(this.#offset, body.length - room));
    const shown = body.slice(this.#offset, this.#offset + room);
    const hidden = body.length - shown.length;
    const more =
      hidden > 0 ? ` (${this.#offset + 1}-${this.#offset + shown.length} of ${body.length})` : "";
    const last = paint(cut(foot.text + more, columns), ...(foot.styles ?? []));
    const blanks = new Array<string>(Math.max(0, room - shown.length)).fill("");
    const lines = [...head, ...shown, ...blanks, last].slice(-rows);
    // Line by line over what is there: nothing flickers.
    terminal.out(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  }

  #handleKey(key: string): void {
    const page = Math.max(1, this.#parts.screen.rows - 6);
    switch (key) {
      case "q":
      case "escape":
      case "ctrl-c":
      case "ctrl-d":
        this.#end();
        return;
      case "up":
      case "k":
        this.#offset -= 1;
        break;
      case "down":
      case "j":
        this.#offset += 1;
        break;
      case "page up":
        this.#offset -= page;
        break;
      case "page down":
      case " ":
        this.#offset += page;
        break;
      case "home":
        this.#offset = 0;
        break;
      case "end":
        this.#offset = Number.MAX_SAFE_INTEGER;
        break;
      default:
        this.#parts.onKey?.(key);
    }
    this.draw();
  }
}
