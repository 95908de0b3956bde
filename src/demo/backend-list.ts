import { isIPv4 } from "node:net";

/** A web node as a balancer knows it. */
export interface Backend {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
}

/** `ip:port`, by which backends are told apart whatever the balancer calls them. */
export function backendAddress(backend: Backend): string {
  return `${backend.ip}:${backend.port}`;
}

/**
 * The backends of a list with one `NAME IP PORT` per line. Throws on the first line that is none: a
 * balancer that is told nonsense keeps what it has.
 */
export function parseBackendList(text: string): Backend[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [name = "", ip = "", port = "", ...rest] = line.split(" ");
    const number = Number(port);
    const valid = name !== "" && isIPv4(ip) && /^\d+$/.test(port) && number > 0 && number < 65_536;
    if (!valid || rest.length > 0) throw new Error(`not a backend: ${JSON.stringify(line)}`);
    return { name, ip, port: number };
  });
}
