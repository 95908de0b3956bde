import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.js";
import { freePort } from "./places.js";

/** Where an nginx of a test has its things. */
export interface NginxPlace {
  readonly ip: string;
  readonly port: number;
  /** Of the location that tells which configuration answers. */
  readonly generationPort: number;
  /** Its own temporary folder. */
  readonly folder: string;
  readonly config: string;
  readonly pidFile: string;
}

export interface NginxOptions {
  readonly ip: string;
  /** The text of its file; the default is {@link recommendedNginx}. */
  readonly text?: (place: NginxPlace) => string;
  /** See {@link Child}. */
  readonly within?: readonly string[];
}

/** A real nginx, on ports and in a folder of its own. */
export class Nginx {
  readonly place: NginxPlace;
  readonly #options: NginxOptions;
  #child: Child | undefined;

  private constructor(options: NginxOptions, place: NginxPlace) {
    this.#options = options;
    this.place = place;
  }

  /** Writes its file and starts it, until it listens. */
  static async start(options: NginxOptions): Promise<Nginx> {
    const nginx = await Nginx.prepare(options);
    await nginx.run();
    return nginx;
  }

  /** Only writes the file. */
  static async prepare(options: NginxOptions): Promise<Nginx> {
    const { ip, text = recommendedNginx } = options;
    const folder = mkdtempSync(join(tmpdir(), "gossipd-nginx-"));
    const place = {
      ip,
      port: await freePort(ip),
      generationPort: await freePort(ip),
      folder,
      config: join(folder, "nginx.conf"),
      pidFile: join(folder, "nginx.pid"),
    };
    writeFileSync(place.config, text(place));
    return new Nginx(options, place);
  }

  /** Starts it from the file as it is now. */
  async run(): Promise<void> {
    const { config, folder, pidFile } = this.place;
    const child = new Child(
      "nginx",
      ["nginx", "-p", folder, "-c", config, "-e", join(folder, "error.log"), "-g", "daemon off;"],
      { within: this.#options.within ?? [], env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
    );
    this.#child = child;
    await child.becomes("runs", () => existsSync(pidFile));
  }

  get target(): { readonly host: string; readonly port: number } {
    return { host: this.place.ip, port: this.place.port };
  }

  /** The master process. */
  get child(): Child {
    if (this.#child === undefined) throw new Error("nginx was not started");
    return this.#child;
  }

  /** All that it logged. */
  get log(): string {
    const file = join(this.place.folder, "error.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  async end(): Promise<void> {
    await this.#child?.stop(3_000);
    rmSync(this.place.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What every configuration of ours has (loadbalancer.md 5.2), with one pool `web` in marker mode. */
export function recommendedNginx({ ip, port, folder, pidFile }: NginxPlace): string {
  return `pid ${pidFile};
worker_processes 2;
worker_shutdown_timeout 30s;
error_log ${folder}/error.log notice;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    upstream web {
        zone web 256k;
        # gossipd begin web
        server 127.0.0.1:9 down;
        # gossipd end web
        keepalive 32;
    }
    server {
        listen ${ip}:${port};
        location / {
            proxy_pass http://web;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 1s;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 2;
        }
    }
}
`;
}
