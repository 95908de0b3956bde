import { join } from "node:path";
import { Child } from "./child.js";
import { freePort, packageRoot } from "./places.js";
import type { Arrivals } from "./web-server.js";

export interface WebOptions {
  readonly name: string;
  readonly ip: string;
  /** One that is free unless given. */
  readonly port?: number;
  /** See {@link Child}. */
  readonly within?: readonly string[];
}

/** A backend in a process of its own, so that it can be killed and frozen. */
export class WebProcess {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly child: Child;

  private constructor(options: WebOptions, port: number, child: Child) {
    this.name = options.name;
    this.ip = options.ip;
    this.port = port;
    this.child = child;
  }

  static async start(options: WebOptions): Promise<WebProcess> {
    const { name, ip, within = [] } = options;
    const port = options.port ?? (await freePort(ip));
    const program = join(packageRoot, "dist", "traffic", "web-server.js");
    const child = new Child(
      `web server ${name}`,
      [process.execPath, program, name, ip, `${port}`],
      {
        within,
      },
    );
    await child.becomes("listens", () => child.said.includes("listening"));
    return new WebProcess(options, port, child);
  }

  get address(): string {
    return `${this.ip}:${this.port}`;
  }

  /** What has arrived at it, asked by a way around all proxies. */
  async arrivals(): Promise<Arrivals> {
    const answer = await fetch(`http://${this.address}/count`, {
      headers: { connection: "close" },
    });
    return (await answer.json()) as Arrivals;
  }
}
