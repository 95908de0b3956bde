import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { docker, findCompose, gossipdImage, run } from "./engine.js";

const stacks = fileURLToPath(new URL("../../../docker/", import.meta.url));

export interface ProjectOptions {
  /** The folder below docker/. */
  readonly stack: string;
  /** The compose file in it; default docker-compose.yml. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** One of docker's compose projects as a user starts it, under a name of the tests' own. */
export class Project {
  readonly name: string;
  readonly folder: string;
  readonly #file: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor({ stack, file = "docker-compose.yml", env = {} }: ProjectOptions) {
    const variant = file.replace(/^docker-compose|\.ya?ml$/g, "").replace(/\W/g, "");
    this.name = `gossipd-test-${stack}${variant}`;
    this.folder = join(stacks, stack);
    this.#file = file;
    this.#env = { ...env, GOSSIPD_IMAGE: gossipdImage };
  }

  /** `docker compose ARGS...`; resolves with its stdout. */
  async compose(...args: string[]): Promise<string> {
    const [program, ...first] = await findCompose();
    const all = [...first, "-p", this.name, "-f", this.#file, ...args];
    return await run(program, all, { cwd: this.folder, env: this.#env });
  }

  /** Builds and starts; what an earlier run left behind goes first. */
  async up(...args: string[]): Promise<void> {
    await this.down();
    await this.compose("build", "--quiet");
    await this.compose("up", "-d", ...args);
  }

  /** Stops and removes everything of the project, its volumes and orphans as well. */
  async down(): Promise<void> {
    await this.compose("down", "-v", "--remove-orphans", "-t", "2");
  }

  /** Ids of the containers of a service, stopped ones too, in the order of their numbers. */
  async containers(service: string): Promise<string[]> {
    const format = '{{.Label "com.docker.compose.container-number"}} {{.ID}}';
    const filters = [
      `label=com.docker.compose.project=${this.name}`,
      `label=com.docker.compose.service=${service}`,
    ];
    const lines = await docker(
      ...["ps", "-a", "--format", format],
      ...filters.flatMap((filter) => ["--filter", filter]),
    );
    const numbered = lines.split("\n").filter((line) => line !== "");
    return numbered
      .map((line) => line.split(" ") as [string, string])
      .sort(([one], [other]) => Number(one) - Number(other))
      .map(([, id]) => id);
  }

  /** The id of the only container of a service. */
  async container(service: string): Promise<string> {
    const [id, ...others] = await this.containers(service);
    if (id === undefined || others.length > 0) {
      throw new Error(`${service} of ${this.name}: ${others.length + (id ? 1 : 0)} containers`);
    }
    return id;
  }

  /** Where a container is reached from the host, in its first network. */
  async address(container: string): Promise<string> {
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
    const [first = ""] = (await docker("inspect", "-f", format, container)).trim().split(" ");
    return first;
  }

  /** Runs a shell command in the container of a service. */
  async exec(service: string, command: string): Promise<string> {
    return await docker("exec", await this.container(service), "sh", "-c", command);
  }

  /** What all containers said last, for a test that failed. */
  async logs(lines = 60): Promise<string> {
    return await this.compose("logs", "--no-color", `--tail=${lines}`);
  }
}
