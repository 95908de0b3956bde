import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { OperatorError } from "../base/errors.js";

/**
 * Ports are drawn from here: below the range that systems take for outgoing connections, so that a
 * port that was free is not lost to a client before its server starts.
 */
const firstPort = 20_000;
const portCount = 12_000;

/** At most this many ports are tried for one that is free. */
const portAttempts = 200;

/** Loopback addresses and free ports. Every port is handed out once, whatever the address. */
export class Loopback {
  /** True if each node has an address of its own; false if all must share 127.0.0.1 (macOS). */
  readonly distinct: boolean;
  readonly #taken = new Set<number>();

  private constructor(distinct: boolean) {
    this.distinct = distinct;
  }

  /** Finds out whether this system answers on all of 127.0.0.0/8, as Linux does. */
  static async open(): Promise<Loopback> {
    return new Loopback(await isFree("127.0.0.2", 0));
  }

  /** The address of host number `host` (1 to 254), or 127.0.0.1 if there is only that one. */
  address(host: number): string {
    return this.distinct ? `127.0.0.${host}` : "127.0.0.1";
  }

  /** A port that nobody has at `ip`, neither for TCP nor for UDP. */
  async freePort(ip: string): Promise<number> {
    for (let attempt = 0; attempt < portAttempts; attempt += 1) {
      const port = firstPort + Math.floor(Math.random() * portCount);
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(ip, port)) return port;
    }
    throw new OperatorError(`no free port on ${ip} among ${portAttempts} tried`);
  }
}

async function isFree(ip: string, port: number): Promise<boolean> {
  return (await bindsTcp(ip, port)) && (await bindsUdp(ip, port));
}

async function bindsTcp(ip: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, ip);
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

async function bindsUdp(ip: string, port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind(port, ip);
    await once(socket, "listening");
  } catch {
    return false;
  }
  socket.close();
  await once(socket, "close");
  return true;
}
