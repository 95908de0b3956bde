import { OperatorError } from "../base/errors.js";
import type { HttpAddress } from "../http/server.js";
import { splitHostPort } from "./addresses.js";

/** Where to listen unless a host is named: what an agent knows is for its machine. */
const defaultHost = "127.0.0.1";

/**
 * Reads one `-http-addr`: `host:port`, `[v6]:port`, `:port` and `port` for 127.0.0.1, `unix:/path`.
 * Throws {@link OperatorError}.
 */
export function parseHttpAddress(text: string): HttpAddress {
  if (text.startsWith("unix:")) return { kind: "unix", path: socketPath(text) };
  const { host, port } = split(text);
  if (port === undefined) {
    throw new OperatorError(`-http-addr ${text}: no port: say host:port, a port, or unix:/path`);
  }
  return { kind: "tcp", host: host === "" ? defaultHost : host, port };
}

function split(text: string): ReturnType<typeof splitHostPort> {
  try {
    return splitHostPort(/^\d+$/.test(text) ? `:${text}` : text);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`-http-addr ${text}: ${error.message}`, { cause: error });
  }
}

/** Longer paths do not fit into the address of a socket; libuv would cut them off. */
const maxPathBytes = 107;

function socketPath(text: string): string {
  const path = text.slice("unix:".length);
  if (!path.startsWith("/")) {
    throw new OperatorError(`-http-addr ${text}: the path has to be absolute, as in unix:/path`);
  }
  if (Buffer.byteLength(path) > maxPathBytes || path.includes("\0")) {
    throw new OperatorError(`-http-addr ${text}: the path has to be at most ${maxPathBytes} bytes`);
  }
  return path;
}
