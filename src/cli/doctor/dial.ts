import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** `closed`: the connection stood and was cut at once, without a word. */
export type Dialled = "answers" | "refused" | "silent" | "unreachable" | "closed" | "unknown host";

/** So long a connection stays open to see whether it is cut; services that speak first or wait are well. */
const lookLonger = 60;

/** What a connection to a service comes to; no byte is sent. */
export function dial(host: string, port: number, timeout: number): Promise<Dialled> {
  return new Promise((resolve) => {
    let stands = false;
    const socket = connect({ host, port });
    const end = (dialled: Dialled): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(dialled);
    };
    const timer = setTimeout(() => end("silent"), timeout);
    socket.once("connect", () => {
      stands = true;
      setTimeout(() => end("answers"), lookLonger);
    });
    socket.once("data", () => end("answers"));
    socket.once("end", () => end("closed"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(stands ? "closed" : byCode(error)));
  });
}

function byCode({ code }: NodeJS.ErrnoException): Dialled {
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "unknown host";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EACCES":
    case "EPERM":
      return "unreachable";
    default:
      return "silent";
  }
}

/** Of a host name; the name itself if it is an address, undefined if nobody knows it. */
export async function addressOf(host: string): Promise<string | undefined> {
  if (isIP(host) !== 0) return host;
  const found = await lookup(host).catch(() => undefined);
  return found?.address;
}

/** Whether an address is one of this machine. */
export function isLocal(ip: string): boolean {
  if (/^127\./.test(ip) || ip === "::1") return true;
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ address }) => address.replace(/%.*$/, "") === ip);
}
