import { encodeBase64 } from "../base/base64.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import { DecodeError } from "../wire/errors.js";
import type { Keyring } from "../wire/keyring.js";
import { decodeSerfMessage, encodeSerfMessage, type KeyResponse } from "../wire/serf-messages.js";

/** What changes a keyring. */
export type KeyChange = "install" | "use" | "remove";

/** What {@link KeyAnswers} works with. */
export interface KeyAnswerParts {
  /** The one that packets are encrypted with; undefined without encryption. */
  readonly keyring: Keyring | undefined;
  readonly log: Log;
  /** Keeps the keys beyond our end, primary first; throws {@link OperatorError}. */
  save(keys: readonly Bytes[]): void;
}

/** Serf's shortest base64 key: as many as fit by that are tried when a list is too long. */
const shortestKeyBytes = 25;

const refusal: KeyResponse = {
  kind: "key-response",
  result: false,
  message: "",
  keys: undefined,
  primaryKey: "",
};

const failures: Readonly<Record<KeyChange, string>> = {
  install: "Failed to install key",
  use: "Failed to change primary key",
  remove: "Failed to remove key",
};

/** Does to our keyring what the group is told to, and says how it went (protocol.md section 5.12). */
export class KeyAnswers {
  readonly #parts: KeyAnswerParts;

  constructor(parts: KeyAnswerParts) {
    this.#parts = parts;
  }

  /**
   * The answer to a request to change the ring. It says yes only when the change is saved as well:
   * Serf keeps a key that it could not save, and has lost it after the next start.
   */
  change(change: KeyChange, request: Bytes | undefined): Bytes {
    const { keyring, log } = this.#parts;
    const refuse = (message: string): Bytes => encodeSerfMessage({ ...refusal, message });
    const key = this.#decode(request);
    if (key === undefined) return refuse("Failed to decode key request");
    if (keyring === undefined) {
      const message = "No keyring to modify (encryption not enabled)";
      log.error({}, message);
      return refuse(message);
    }
    log.info({}, `Received ${change}-key query`);
    const before = keyring.keys();
    try {
      keyring[change](key);
      this.#parts.save(keyring.keys());
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      keyring.restore(before);
      log.error({}, `${failures[change]}: ${thrown.message}`);
      return refuse(thrown.message);
    }
    return encodeSerfMessage({ ...refusal, result: true });
  }

  /**
   * All our keys; as many as `fits` takes if they are too many for one response, undefined if that
   * takes none. `limit` is that of a response, in bytes.
   */
  list(limit: number, fits: (answer: Bytes) => boolean): Bytes | undefined {
    const { keyring, log } = this.#parts;
    if (keyring === undefined) {
      const message = "Keyring is empty (encryption not enabled)";
      log.error({}, message);
      return encodeSerfMessage({ ...refusal, message });
    }
    log.info({}, "Received list-keys query");
    const keys = keyring.keys().map(encodeBase64);
    const primaryKey = encodeBase64(keyring.primary);
    const whole = encodeSerfMessage({ ...refusal, result: true, keys, primaryKey });
    if (fits(whole)) return whole;
    // Serf 0.9.4 dies here if there are fewer keys than it begins with.
    for (let count = Math.min(Math.floor(limit / shortestKeyBytes), keys.length); count > 0; ) {
      const message = `truncated key list response, showing first ${count} of ${keys.length} keys`;
      const shown = { ...refusal, result: true, message, primaryKey, keys: keys.slice(0, count) };
      const answer = encodeSerfMessage(shown);
      if (fits(answer)) {
        log.warn({}, message);
        return answer;
      }
      count -= 1;
    }
    log.error({}, "Failed to truncate response so that it fits into message");
    return undefined;
  }

  #decode(request: Bytes | undefined): Bytes | undefined {
    try {
      const message = decodeSerfMessage(request ?? new Uint8Array(0));
      if (message.kind === "key-request") return message.key ?? new Uint8Array(0);
    } catch (thrown) {
      if (!(thrown instanceof DecodeError)) throw thrown;
    }
    this.#parts.log.error({}, "Failed to decode key request");
    return undefined;
  }
}
