import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, gossipdImage } from "../support/engine.js";

const prefix = "gossipd-test-image";

/** What stands for routers and firewalls, in another container's network; and a real Serf. */
export const toolsImage = `${prefix}-tools`;

export interface HostOptions {
  /** Of {@link Hosts.network}, in this order. */
  readonly networks?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of `docker create`. */
  readonly flags?: readonly string[];
  /** What the image runs; its own by default. */
  readonly command?: readonly string[];
  readonly image?: string;
}

/** Builds an image from the lines of a Dockerfile, without any files. */
export async function buildImage(tag: string, lines: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-image-"));
  try {
    writeFileSync(join(folder, "Dockerfile"), `${lines.join("\n")}\n`);
    await docker("build", "--quiet", "-t", tag, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Containers and networks of one test; all are gone after {@link remove}. */
export class Hosts {
  readonly #containers = new Set<string>();
  readonly #networks: string[] = [];

  /** Once for all tests: `iptables`, `ip` and `serf` in an image. */
  static async prepare(): Promise<void> {
    await buildImage(toolsImage, [
      "FROM debian:bookworm-slim",
      "RUN apt-get update && apt-get install -y --no-install-recommends iptables iproute2 serf && rm -rf /var/lib/apt/lists/*",
    ]);
  }

  /** Adds a bridge network; what comes back is its name for the engine. */
  async network(name: string): Promise<string> {
    const full = `${prefix}-${name}`;
    await docker("network", "rm", full).catch(() => {});
    await docker("network", "create", full);
    this.#networks.push(full);
    return full;
  }

  /** Starts a container that is called `name` for the others in its networks. */
  async start(name: string, options: HostOptions = {}): Promise<Host> {
    const { command = [], env = {}, flags = [], image = gossipdImage, networks = [] } = options;
    const full = `${prefix}-${name}`;
    const [first, ...others] = networks;
    await docker("rm", "-f", full).catch(() => {});
    await docker(
      ...["create", "--name", full, "--hostname", name, ...flags],
      ...(first === undefined ? [] : ["--network", first, "--network-alias", name]),
      ...Object.entries(env).flatMap(([key, value]) => ["-e", `${key}=${value}`]),
      ...[image, ...command],
    );
    this.#containers.add(full);
    for (const network of others) {
      await docker("network", "connect", "--alias", name, network, full);
    }
    await docker("start", full);
    return new Host(full);
  }

  async remove(): Promise<void> {
    if (this.#containers.size > 0) await docker("rm", "-f", ...this.#containers);
    for (const network of this.#networks) await docker("network", "rm", network);
  }
}

/** A container that runs. */
export class Host {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs a program in it; rejects with what it said unless it exits with 0. */
  async exec(...command: string[]): Promise<string> {
    return await docker("exec", this.name, ...command);
  }

  /** Exit status and output of a program in it. */
  async tries(...command: string[]): Promise<{ isWell: boolean; said: string }> {
    return await this.exec(...command).then(
      (said) => ({ isWell: true, said }),
      (error: Error) => ({ isWell: false, said: error.message }),
    );
  }

  /** Runs a shell command as the root of its network: routes, rules. */
  async change(command: string): Promise<string> {
    const network = ["--network", `container:${this.name}`, "--cap-add", "NET_ADMIN"];
    return await docker("run", "--rm", ...network, toolsImage, "sh", "-c", command);
  }

  async address(network: string): Promise<string> {
    const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    return await docker("inspect", "-f", format, this.name);
  }

  /** `starting`, `healthy` or `unhealthy`, as the engine sees it. */
  async health(): Promise<string> {
    return await docker("inspect", "-f", "{{.State.Health.Status}}", this.name);
  }

  async logs(): Promise<string> {
    return await docker("logs", this.name);
  }

  /** The members as it sees them, by name: `alive 10.0.0.1:7946`. */
  async members(): Promise<Record<string, string>> {
    const { said, isWell } = await this.tries("gossipd", "members", "-format=json");
    if (!isWell) return {};
    const { members } = JSON.parse(said) as {
      members: readonly { name: string; addr: string; status: string }[];
    };
    return Object.fromEntries(members.map(({ addr, name, status }) => [name, `${status} ${addr}`]));
  }
}
