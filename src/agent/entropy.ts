import { randomFillSync } from "node:crypto";
import type { Bytes } from "../base/units.js";

const nonceBytes = 12;
const poolBytes = 256 * nonceBytes;

/** Nonces for encryption: unpredictable, and with 96 random bits never the same twice. */
export class NonceSource {
  /** Drawn many at a time, because each draw costs more than the bytes. */
  readonly #pool = new Uint8Array(poolBytes);
  #used = poolBytes;

  /** 12 bytes that are the caller's. */
  next(): Bytes {
    if (this.#used === poolBytes) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += nonceBytes;
    return this.#pool.slice(start, this.#used);
  }
}
