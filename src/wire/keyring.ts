import { sameBytes } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";

/**
 * The keys of an encrypted cluster: never empty; the first one, the primary, encrypts, all decrypt.
 *
 * Shared between its owner and the codec: a change takes effect with the next packet. The errors of
 * {@link install}, {@link use} and {@link remove} have the words of memberlist, for they travel in
 * key responses.
 */
export class Keyring {
  /** Few: an operator installs them one by one. Each is our own copy and never written to. */
  #keys: readonly Bytes[];

  /** The first of `keys` is the primary; repeated keys count once. */
  constructor(keys: readonly Bytes[]) {
    if (keys.length === 0) throw new OperatorError("a keyring needs at least one key");
    this.#keys = [];
    for (const key of keys) this.install(key);
  }

  get primary(): Bytes {
    return this.#keys[0] as Bytes;
  }

  /** Primary first. The array is never changed afterwards. */
  keys(): readonly Bytes[] {
    return this.#keys;
  }

  /** Makes `key` decrypt; does nothing if it does already. */
  install(key: Bytes): void {
    checkKeySize(key);
    if (!this.#has(key)) this.#keys = [...this.#keys, Uint8Array.from(key)];
  }

  /** Makes an installed key the primary. */
  use(key: Bytes): void {
    if (!this.#has(key)) throw new OperatorError("Requested key is not in the keyring");
    const others = this.#keys.filter((one) => !sameBytes(one, key));
    this.#keys = [Uint8Array.from(key), ...others];
  }

  /** Forgets a key; does nothing if it is not there. The primary stays. */
  remove(key: Bytes): void {
    if (sameBytes(key, this.primary)) {
      throw new OperatorError("Removing the primary key is not allowed");
    }
    this.#keys = this.#keys.filter((one) => !sameBytes(one, key));
  }

  /** Back to what {@link keys} gave earlier. */
  restore(keys: readonly Bytes[]): void {
    this.#keys = keys;
  }

  #has(key: Bytes): boolean {
    return this.#keys.some((one) => sameBytes(one, key));
  }
}

/** Throws {@link OperatorError} unless `key` is an AES-128, -192 or -256 key. */
function checkKeySize(key: Bytes): void {
  if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
    throw new OperatorError("key size must be 16, 24 or 32 bytes");
  }
}
