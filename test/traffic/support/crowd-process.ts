import { join } from "node:path";
import { Child } from "./child.js";
import { packageRoot } from "./places.js";
import { type Stage, webPort } from "./stage.js";

/** Many web nodes in one process, on the addresses of a stage; see `crowd.ts`. */
export class CrowdProcess {
  readonly names: readonly string[];
  /** `ip:port` of each. */
  readonly addresses: readonly string[];
  readonly child: Child;

  private constructor(child: Child, places: readonly (readonly [string, string])[]) {
    this.child = child;
    this.names = places.map(([name]) => name);
    this.addresses = places.map(([, ip]) => `${ip}:${webPort}`);
  }

  /** Their web servers listen when this resolves; they join when they are told, over `spread` ms. */
  static async start(
    stage: Stage,
    { prefix, count, spread = 0 }: { prefix: string; count: number; spread?: number },
  ): Promise<CrowdProcess> {
    const places = Array.from(
      { length: count },
      (_, index) => [`${prefix}${index + 1}`, stage.freshIp()] as const,
    );
    const program = join(packageRoot, "dist", "traffic", "crowd.js");
    const child = new Child(
      `crowd ${prefix}`,
      [
        process.execPath,
        program,
        stage.balancer.gossip,
        String(webPort),
        String(spread),
        ...places.map(([name, ip]) => `${name}=${ip}`),
      ],
      { stdin: "pipe" },
    );
    await child.becomes("listens", () => child.said.includes("listening"));
    return new CrowdProcess(child, places);
  }

  /** All join; resolves when each has. */
  async join(): Promise<void> {
    this.child.write("join\n");
    await this.child.becomes("has joined", () => this.child.said.includes("joined"));
  }

  /** From now on each dies and comes back once in `period` ms. */
  flap(period: number): void {
    this.child.write(`flap ${period}\n`);
  }

  /** All leave in peace; resolves when each has left. */
  async leave(): Promise<void> {
    this.child.write("leave\n");
    await this.child.becomes("has left", () => this.child.said.includes("left"));
  }

  /** They come back a last time. */
  async stay(): Promise<void> {
    this.child.write("stay\n");
    await this.child.becomes("stays", () => this.child.said.includes("stays"));
  }
}
