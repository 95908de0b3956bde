import { readFileSync } from "node:fs";
import { encodeBase64 } from "../base/base64.js";
import { OperatorError, reasonOf } from "../base/errors.js";
import { parseFirstJson } from "../base/json-value.js";
import type { Bytes } from "../base/units.js";
import { Keyring } from "../wire/keyring.js";
import { decodeKey } from "./base64-key.js";
import { replaceFile } from "./replace-file.js";
import type { Settings } from "./settings.js";
import { systemReason } from "./system-errors.js";

/**
 * The keys that the settings ask for, undefined without encryption (compat.md section 9).
 *
 * Throws {@link OperatorError} without ever naming a key.
 */
export function loadKeyring(
  settings: Pick<Settings, "encryptKey" | "keyringFile">,
): Keyring | undefined {
  const { encryptKey, keyringFile } = settings;
  if (keyringFile === "") return encryptKey === "" ? undefined : singleKey(encryptKey);
  if (encryptKey !== "")
    throw new OperatorError("Encryption key not allowed while using a keyring");
  const keys = readKeys(keyringFile);
  if (keys.length === 0) throw new OperatorError("Keyring file contains no keys");
  const decoded = keys.map((key) =>
    naming("Failed to decode key from keyring", () => decodeKey(key)),
  );
  return naming("Failed to restore keyring", () => new Keyring(decoded));
}

/**
 * Rewrites the file with the keys as they are now: indented by two, no newline at the end, readable
 * by the owner alone if it is new. A crash leaves the old file or the new one. Throws
 * {@link OperatorError}.
 */
export function saveKeyring(path: string, keys: readonly Bytes[]): void {
  const text = JSON.stringify(keys.map(encodeBase64), undefined, 2);
  try {
    replaceFile(path, text, "as before");
  } catch (error) {
    const reason = `open ${path}: ${systemReason(error)}`;
    throw new OperatorError(`Failed to write keyring file: ${reason}`, { cause: error });
  }
}

/** Refuses an `-encrypt` that is no key, before anything else happens. Throws {@link OperatorError}. */
export function checkEncryptKey({ encryptKey }: Pick<Settings, "encryptKey">): void {
  if (encryptKey !== "") singleKey(encryptKey);
}

function singleKey(text: string): Keyring {
  return naming("Invalid encryption key", () => new Keyring([decodeKey(text)]));
}

function readKeys(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new OperatorError(`open ${path}: ${systemReason(error)}`, { cause: error });
  }
  const value = naming("Failed to decode keyring file", () => parseFirstJson(text));
  if (Array.isArray(value) && value.every((key) => typeof key === "string")) return value;
  throw new OperatorError("Failed to decode keyring file: expected a list of strings");
}

/** Runs `step`; its OperatorError gets `what` in front. */
function naming<T>(what: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}
