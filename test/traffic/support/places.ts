import { once } from "node:events";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";

/** Where this package is, whichever way this file was compiled. */
export const packageRoot = dirname(createRequire(import.meta.url).resolve("gossipd/package.json"));

/** Our own program, as a user starts it. */
export const gossipd: readonly [string, string] = [
  process.execPath,
  join(packageRoot, "bin", "gossipd.js"),
];

let nextNet = Math.floor(Math.random() * 250);

/**
 * A loopback net that this process has not had before, and that no other run on this machine is likely to
 * use: the address of host 1 to 254.
 */
export function freshNet(): (host: number) => string {
  const net = 16 + (process.pid % 200);
  const sub = nextNet++ % 250;
  return (host) => `127.${net}.${sub}.${host}`;
}

/** A port of `ip` that nobody listened to a moment ago. */
export async function freePort(ip: string): Promise<number> {
  const server = createServer();
  server.listen(0, ip);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
