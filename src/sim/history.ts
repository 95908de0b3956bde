import type { Bytes, Instant } from "../base/units.js";

const prime = 0x01000193;

/**
 * All that happened, as a number: two FNV-1a hashes side by side, 64 bits together. The same seed gives
 * the same digest on every machine and version; what differs in one byte of one packet differs here.
 *
 * The last lines are kept as text, for a failure to be told with what led to it.
 */
export class History {
  #low = 0x811c9dc5;
  #high = 0xcbf29ce4;
  readonly #keep: number;
  /** The latest lines; at most twice {@link #keep}. */
  #lines: { readonly at: Instant; readonly text: string }[] = [];
  readonly #word = new DataView(new ArrayBuffer(8));

  constructor(keep = 200) {
    this.#keep = keep;
  }

  /** The latest lines, oldest first. */
  get lines(): readonly string[] {
    const latest = this.#lines.slice(-this.#keep);
    return latest.map(({ at, text }) => `${(at / 1_000).toFixed(3)} ${text}`);
  }

  /** 16 hexadecimal digits. */
  get digest(): string {
    return [this.#high, this.#low].map((part) => part.toString(16).padStart(8, "0")).join("");
  }

  /** Something that users are told, or that is done to the group. */
  line(at: Instant, text: string): void {
    this.number(at);
    for (let index = 0; index < text.length; index += 1) this.#byte(text.charCodeAt(index));
    this.#lines.push({ at, text });
    if (this.#lines.length > 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep);
  }

  number(value: number): void {
    this.#word.setFloat64(0, value);
    for (let index = 0; index < 8; index += 1) this.#byte(this.#word.getUint8(index));
  }

  bytes(bytes: Bytes): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < bytes.length; index += 1) {
      const byte = bytes[index] as number;
      low = Math.imul(low ^ byte, prime);
      high = Math.imul(high ^ byte ^ 0x5a, prime) + (low >>> 24);
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }

  #byte(code: number): void {
    this.#low = Math.imul(this.#low ^ code, prime) >>> 0;
    this.#high = (Math.imul(this.#high ^ code ^ 0x5a, prime) + (this.#low >>> 24)) >>> 0;
  }
}
