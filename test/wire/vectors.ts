import { readFileSync } from "node:fs";
import type { Bytes } from "../../src/base/units.js";
import { Keyring } from "../../src/wire/keyring.js";

/** One of the files of bytes recorded from real Serf. */
export function loadVectors<T>(file: string): T {
  return JSON.parse(
    readFileSync(new URL(`../fixtures/vectors/${file}`, import.meta.url), "utf8"),
  ) as T;
}

export function hex(bytes: Bytes): string {
  return Buffer.from(bytes).toString("hex");
}

/** A plain array, for a Buffer equals no Uint8Array in a test. */
export function unhex(text: string): Bytes {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export interface Capture {
  readonly version: "0.9.4" | "HEAD";
  readonly encrypted: boolean;
  readonly transport: "udp" | "tcp";
  readonly direction: string;
  /** Outermost first. */
  readonly layers: readonly string[];
  readonly kind: string;
  readonly hex: string;
  readonly inner: string;
}

export function loadCaptures(): Capture[] {
  return loadVectors<{ frames: Capture[] }>("captures.json").frames;
}

/** The key of all encrypted captures. */
export const capturedKey = Uint8Array.from(Buffer.from("0123456789abcdef"));

export function keyringOf(capture: Capture): Keyring | undefined {
  return capture.encrypted ? new Keyring([capturedKey]) : undefined;
}

export function concat(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts));
}
