import { readFileSync } from "node:fs";
import { type Haproxy, inService, type RuntimeServer } from "./haproxy.js";

/** A server line between the markers, read without the help of what wrote it. */
interface FileServer {
  readonly name: string;
  readonly address: string;
  readonly weight: number;
  readonly disabled: boolean;
}

/** What the file and the runtime socket say of the pool `web`, each as lines to be compared. */
export interface FileAndRuntime {
  readonly file: readonly string[];
  readonly runtime: readonly string[];
}

/**
 * What a cold start would serve beside what is served now: `s01 127.1.2.3:8080 weight 100`, or
 * `s01 not in service`.
 */
export async function fileAndRuntime(haproxy: Haproxy): Promise<FileAndRuntime> {
  const servers = await haproxy.servers();
  return {
    file: serversOf(readFileSync(haproxy.place.config, "utf8")).map(
      ({ name, address, weight, disabled }) =>
        disabled ? `${name} not in service` : `${name} ${address} weight ${weight}`,
    ),
    runtime: servers.filter(({ pool }) => pool === "web").map(lineOf),
  };
}

function lineOf(server: RuntimeServer): string {
  const { ip, name, port, state, weight } = server;
  if (!inService(server)) return `${name} not in service`;
  return `${name} ${ip}:${port} weight ${weight}${state === "ready" ? "" : ` (${state})`}`;
}

function serversOf(text: string): FileServer[] {
  const [, lines = ""] = /# gossipd begin web\n([\s\S]*?)# gossipd end web/.exec(text) ?? [];
  return [...lines.matchAll(/^\s*server (\S+) (\S+)([^#\n]*)/gm)].map(
    ([, name = "", address = "", options = ""]) => ({
      name,
      address,
      // 100 by the default-server line of our configuration.
      weight: Number(/\bweight (\d+)/.exec(options)?.[1] ?? 100),
      disabled: /\bdisabled\b/.test(options),
    }),
  );
}
