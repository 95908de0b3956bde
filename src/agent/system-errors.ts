import { getSystemErrorName } from "node:util";
import { reasonOf } from "../base/errors.js";

/** What Go, and so Serf's users and their scripts, call the errors of the system. */
const goTexts: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EAFNOSUPPORT: "address family not supported by protocol",
  ECONNABORTED: "software caused connection abort",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EEXIST: "file exists",
  EHOSTUNREACH: "no route to host",
  EINVAL: "invalid argument",
  EISDIR: "is a directory",
  EMFILE: "too many open files",
  EMSGSIZE: "message too long",
  ENETUNREACH: "network is unreachable",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EPIPE: "broken pipe",
  EROFS: "read-only file system",
  ETIMEDOUT: "connection timed out",
};

/** The cause of a system error without the call and its arguments, in Go's words if known. */
export function systemReason(thrown: unknown): string {
  const code = systemCode(thrown);
  return code === undefined ? reasonOf(thrown) : (goTexts[code] ?? code);
}

/** `ENOENT` and the like, or undefined if `thrown` is no error of the system. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, errno } = thrown as { code?: unknown; errno?: unknown };
  if (typeof code === "string") return code;
  return typeof errno === "number" && errno < 0 ? getSystemErrorName(errno) : undefined;
}
