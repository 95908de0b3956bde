import type { Millis } from "../base/units.js";

/** How long a line waits for others, as in go-metrics. */
const patience: Millis = 100;

/** Gathers lines, so that many of them travel in one packet. */
export class LineBatch {
  readonly #maxBytes: number;
  readonly #flush: (text: string) => void;
  /** At most `maxBytes`, or one line that is longer. */
  #text = "";
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `flush` gets whole lines, `maxBytes` at most if no single one is longer. */
  constructor(maxBytes: number, flush: (text: string) => void) {
    this.#maxBytes = maxBytes;
    this.#flush = flush;
  }

  add(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#bytes + bytes > this.#maxBytes) this.flush();
    this.#text += line;
    this.#bytes += bytes;
    this.#timer ??= setTimeout(() => this.flush(), patience);
  }

  /** Hands over what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes === 0) return;
    const text = this.#text;
    this.#text = "";
    this.#bytes = 0;
    this.#flush(text);
  }
}
