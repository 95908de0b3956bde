import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Children } from "./children.js";
import { ask, type Listen, type LoadBalancer, startBound } from "./load-balancer.js";
import { untilReady } from "./patience.js";
import { packageRoot, quote, type Workshop } from "./workshop.js";

/** In a row, so many answers must come from the same worker: for a moment the old one answers too. */
const looks = 5;

/** Starts the nginx at `program` from a configuration of the demo's own. */
export async function startNginx(
  program: string,
  children: Children,
  workshop: Workshop,
  listen: Listen,
): Promise<LoadBalancer> {
  const config = workshop.file("nginx.conf");
  const pidFile = workshop.file("nginx.pid");
  // What the program was built with is printed on stderr.
  const build = spawnSync(program, ["-V"], { encoding: "utf8" }).stderr;
  writeFileSync(config, configuration(listen, workshop, pidFile, build));
  const args = ["-p", workshop.folder, "-e", "stderr", "-c", config];
  const child = children.start("nginx", program, args);
  await untilReady(child, () => existsSync(pidFile), startBound);
  return {
    title: `nginx ${/nginx\/(\S+)/.exec(build)?.[1] ?? ""}`,
    handler: {
      command: `*=${quote(join(packageRoot, "handlers", "nginx.sh"))}`,
      env: { NGINX_CFG: config, NGINX_PID_FILE: pidFile },
    },
    written: config,
    served: new Workers(listen, config).served,
  };
}

/**
 * What nginx really serves: it cannot tell, but its worker tells its process id. A worker that was
 * not there before was started by a reload, with the file as it is; the others have what they had.
 */
class Workers {
  /** By the worker's process id. One entry per reload, a few dozen in a long run. */
  readonly #loaded = new Map<string, readonly string[]>();
  readonly #listen: Listen;
  readonly #config: string;

  constructor(listen: Listen, config: string) {
    this.#listen = listen;
    this.#config = config;
  }

  readonly served = async (): Promise<readonly string[] | undefined> => {
    const { ip, statusPort } = this.#listen;
    const workers = new Set<string | undefined>();
    for (let look = 0; look < looks; look += 1) workers.add(await ask(ip, statusPort, "/"));
    const [worker] = workers;
    if (worker === undefined || workers.size > 1) return undefined;
    const servers = this.#loaded.get(worker) ?? readServers(readFileSync(this.#config, "utf8"));
    this.#loaded.set(worker, servers);
    return servers;
  };
}

/** The addresses of the servers in a configuration, without the one that stands for none. */
export function readServers(text: string): string[] {
  const lines = text.matchAll(/^\s*server ([\d.]+:\d+)([^;]*);/gm);
  return [...lines].flatMap(([, address = "", options = ""]) =>
    / down\b/.test(options) ? [] : [address],
  );
}

/** What makes reloads and crashes harmless: see the comments. The handler owns the marked lines. */
function configuration(
  { ip, port, statusPort }: Listen,
  workshop: Workshop,
  pidFile: string,
  build: string,
): string {
  const kinds = ["fastcgi", "uwsgi", "scgi"].filter(
    (kind) => !build.includes(`--without-http_${kind}_module`),
  );
  const folders = ["client_body", "proxy", ...kinds]
    .map((kind) => `  ${kind}_temp_path ${workshop.file(kind)};`)
    .join("\n");
  return `daemon off;
pid ${pidFile};
error_log stderr warn;
# One worker, so that its process id tells which configuration is loaded.
worker_processes 1;
worker_shutdown_timeout 30s;
events { worker_connections 512; }
http {
  access_log off;
${folders}
  upstream web {
    zone web 64k;
    # gossipd begin
    server 127.0.0.1:1 down;
    # gossipd end
    keepalive 32;
  }
  server {
    listen ${ip}:${port};
    # A reload closes the connections that are idle, and with them a request that is just coming in:
    # whoever is to lose none must have no connection that waits for a next request.
    keepalive_timeout 0;
    location / {
      proxy_pass http://web;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout 1s;
      proxy_read_timeout 5s;
      # A request that a dead server never got goes to another one.
      proxy_next_upstream error timeout;
      proxy_next_upstream_tries 2;
    }
  }
  server {
    listen ${ip}:${statusPort};
    keepalive_timeout 0;
    location / { return 200 $pid; }
  }
}
`;
}
