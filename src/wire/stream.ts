import type { Bytes } from "../base/units.js";
import type { Keyring } from "./keyring.js";
import type { StreamMessage } from "./swim-messages.js";

export interface StreamSecrets {
  readonly keyring: Keyring | undefined;
  /** Empty for none. */
  readonly label: string;
  /** True at the side that connected: it sends the label header and gets none. */
  readonly dialled: boolean;
}

export interface StreamSealing extends StreamSecrets {
  readonly compression: boolean;
  /** 12 bytes, never twice the same with one key; called only if there is a keyring. */
  readonly nonce: () => Bytes;
}

export class StreamReader {
  constructor(_secrets: StreamSecrets) {}

  feed(_chunk: Bytes): StreamMessage | undefined {
    throw new Error("not yet");
  }
}

export function sealStream(_message: StreamMessage, _sealing: StreamSealing): Bytes {
  throw new Error("not yet");
}
