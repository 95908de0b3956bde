import { createCipheriv, createDecipheriv } from "node:crypto";
import { assert } from "../base/assert.js";
import type { Bytes } from "../base/units.js";
import { AuthenticationError, DecodeError } from "./errors.js";
import type { Keyring } from "./keyring.js";
import { plainBytes } from "./plain-bytes.js";

/*
 * The sealed box: version, nonce, ciphertext, tag (protocol.md section 1.7). Version 0 pads the
 * plaintext to whole blocks; only members of memberlist protocol 1 send it, and every one reads it.
 */

const versionBytes = 1;
const nonceBytes = 12;
const tagBytes = 16;
const blockBytes = 16;
const headBytes = versionBytes + nonceBytes;

/** What sealing with version 1 adds. */
export const boxOverheadBytes = headBytes + tagBytes;

/** Version 0 has at least one block of padding. */
const overheads = [boxOverheadBytes + blockBytes, boxOverheadBytes];

const algorithms = new Map([
  [16, "aes-128-gcm"],
  [24, "aes-192-gcm"],
  [32, "aes-256-gcm"],
] as const);

/**
 * Seals `plain` with the primary key as box version 1. `nonce` has 12 bytes and is never used again
 * with this key; `data` is authenticated with it but not part of the box.
 */
export function seal(keyring: Keyring, nonce: Bytes, plain: Bytes, data: Bytes): Bytes {
  assert(nonce.length === nonceBytes, "a nonce has 12 bytes");
  const cipher = createCipheriv(algorithmOf(keyring.primary), keyring.primary, nonce);
  cipher.setAAD(data);
  const box = new Uint8Array(boxOverheadBytes + plain.length);
  box[0] = 1;
  box.set(nonce, versionBytes);
  box.set(cipher.update(plain), headBytes);
  cipher.final();
  box.set(cipher.getAuthTag(), headBytes + plain.length);
  return box;
}

/** What a box of version 0 or 1 holds; every key of the ring is tried, the primary first. */
export function open(keyring: Keyring, box: Bytes, data: Bytes): Bytes {
  const version = box[0];
  if (version === undefined) throw new AuthenticationError("Cannot decrypt empty payload");
  const overhead = overheads[version];
  if (overhead === undefined) {
    throw new AuthenticationError(`Unsupported encryption version ${version}`);
  }
  if (box.length < overhead) {
    throw new AuthenticationError(`Payload is too small to decrypt: ${box.length}`);
  }
  for (const key of keyring.keys()) {
    const plain = openWith(key, box, data);
    if (plain !== undefined) return version === 0 ? unpad(plain) : plain;
  }
  throw new AuthenticationError("No installed keys could decrypt the message");
}

function openWith(key: Bytes, box: Bytes, data: Bytes): Bytes | undefined {
  const nonce = box.subarray(versionBytes, headBytes);
  const decipher = createDecipheriv(algorithmOf(key), key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(data);
  decipher.setAuthTag(box.subarray(box.length - tagBytes));
  const plain = decipher.update(box.subarray(headBytes, box.length - tagBytes));
  try {
    decipher.final();
  } catch {
    // The only thing final() can find wrong here is the tag: not this key, or not these bytes.
    return undefined;
  }
  return plainBytes(plain);
}

/** Takes the padding (PKCS #7) off; as in memberlist its last byte alone is believed. */
function unpad(padded: Bytes): Bytes {
  const length = padded.length - (padded[padded.length - 1] ?? 0);
  if (length < 0) throw new DecodeError("malformed", "Padding is longer than the message", true);
  return padded.subarray(0, length);
}

function algorithmOf(key: Bytes): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" {
  const algorithm = algorithms.get(key.length as 16 | 24 | 32);
  assert(algorithm !== undefined, "a keyring holds AES keys only");
  return algorithm;
}
