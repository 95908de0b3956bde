import { createHash } from "node:crypto";

/** For comparing texts that need not be kept. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
