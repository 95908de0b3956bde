import { readdir, readFile, readlink } from "node:fs/promises";
import { formatIp } from "../base/address.js";

/** A TCP socket that waits for connections. */
export interface Listener {
  /** As text; `0.0.0.0` and `::` are all addresses. */
  readonly ip: string;
  readonly port: number;
  /** Of the socket: by it the process is found. */
  readonly inode: string;
}

export type PortListening = "yes" | "loopback" | "no" | "unknown";

/** More ports than that nobody reads. */
const maxOthers = 16;

/** What listens on this machine, as its network namespace shows it; undefined where that cannot be told. */
export async function readListeners(): Promise<readonly Listener[] | undefined> {
  const [four, six] = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) =>
      readFile(path, "utf8").catch(() => undefined),
    ),
  );
  if (four === undefined) return undefined;
  return [...parseListeners(four), ...parseListeners(six ?? "")];
}

/** The sockets in the state LISTEN of `/proc/net/tcp` or `/proc/net/tcp6` (proc(5)). */
export function parseListeners(text: string): readonly Listener[] {
  return text.split("\n").flatMap((line) => {
    const [, where = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [hex = "", port = ""] = where.split(":");
    const ip = readIp(hex);
    if (state !== "0A" || ip === undefined) return [];
    return [{ ip: formatIp(ip), port: Number.parseInt(port, 16), inode }];
  });
}

/** Words of four bytes in the order of the machine, which is little-endian wherever Node.js runs. */
function readIp(hex: string): Uint8Array | undefined {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return undefined;
  const bytes = Buffer.from(hex, "hex");
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  const isMapped =
    bytes.length === 16 && bytes.readUInt32BE(8) === 0xffff && bytes.readBigUInt64BE() === 0n;
  return isMapped ? bytes.subarray(12) : bytes;
}

/** Whether others reach something at a port, or at which ones else. */
export function portStateOf(
  listeners: readonly Listener[] | undefined,
  port: number,
): { port: number; listens: PortListening; others: readonly number[] } {
  if (listeners === undefined) return { port, listens: "unknown", others: [] };
  const own = listeners.filter((one) => one.port === port);
  const listens = own.length === 0 ? "no" : own.every(isLoopback) ? "loopback" : "yes";
  const others = new Set(listeners.filter((one) => !isLoopback(one)).map((one) => one.port));
  others.delete(port);
  const sorted = [...others].sort((one, other) => one - other);
  return { port, listens, others: sorted.slice(0, maxOthers) };
}

/** Those that would take a connection to `ip`. */
export function listenersAt(listeners: readonly Listener[], ip: string): readonly Listener[] {
  return listeners.filter((one) => one.ip === ip || one.ip === "0.0.0.0" || one.ip === "::");
}

function isLoopback({ ip }: Listener): boolean {
  // Only 127.0.0.1 itself: the other addresses of its net are where tests and demos put machines.
  return ip === "127.0.0.1" || ip === "::1";
}

export interface Owner {
  readonly pid: number;
  /** Of its program. */
  readonly name: string;
}

/** Whose a socket is; undefined if that is not for us to see. */
export async function ownerOf({ inode }: Listener): Promise<Owner | undefined> {
  const wanted = `socket:[${inode}]`;
  const pids = await readdir("/proc").catch((): string[] => []);
  for (const pid of pids.filter((name) => /^\d+$/.test(name))) {
    const files = await readdir(`/proc/${pid}/fd`).catch((): string[] => []);
    for (const file of files) {
      const link = await readlink(`/proc/${pid}/fd/${file}`).catch(() => "");
      if (link !== wanted) continue;
      const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "?");
      return { pid: Number(pid), name: name.trim() };
    }
  }
  return undefined;
}
