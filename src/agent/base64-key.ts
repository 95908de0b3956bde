import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";

/** A key in the standard alphabet, padded; line ends inside are skipped. Throws {@link OperatorError}. */
export function decodeKey(text: string): Bytes {
  const packed = text.replace(/[\r\n]/g, "");
  const valid = /^[A-Za-z0-9+/]*/.exec(packed)?.[0].length ?? 0;
  const padding = packed.slice(valid);
  const missing = (4 - (valid % 4)) % 4;
  if (missing > 2 || padding !== "=".repeat(missing)) {
    throw new OperatorError(`illegal base64 data at input byte ${valid - (valid % 4)}`);
  }
  return new Uint8Array(Buffer.from(packed, "base64"));
}
