import { getSystemErrorName } from "node:util";
import { reasonOf } from "../base/errors.js";
import { systemText } from "../base/system-texts.js";

/** The cause of a system error without the call and its arguments, in Go's words if known. */
export function systemReason(thrown: unknown): string {
  const code = systemCode(thrown);
  return code === undefined ? reasonOf(thrown) : (systemText(code) ?? code);
}

/** `ENOENT` and the like, or undefined if `thrown` is no error of the system. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, errno } = thrown as { code?: unknown; errno?: unknown };
  if (typeof code === "string") return code;
  return typeof errno === "number" && errno < 0 ? getSystemErrorName(errno) : undefined;
}
