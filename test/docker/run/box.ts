import { waitUntil } from "../../traffic/support/waiting.js";
import { docker, run } from "../support/engine.js";

export interface BoxOptions {
  /** Of the container after a prefix, its host name and so its member's. */
  readonly name: string;
  readonly image: string;
  readonly network?: string;
  /** Of `docker run`. */
  readonly flags?: readonly string[];
  readonly entrypoint?: string;
  readonly args?: readonly string[];
}

/** One container of a test. */
export class Box {
  readonly name: string;
  readonly #id: string;

  private constructor(name: string, id: string) {
    this.name = name;
    this.#id = id;
  }

  /** Starts a container; one of the same name that was left behind goes first. */
  static async start(options: BoxOptions): Promise<Box> {
    const { args = [], entrypoint, flags = [], image, name, network } = options;
    const full = `gossipd-test-run-${name}`;
    await docker("rm", "-f", full).catch(() => {});
    const id = await docker(
      ...["run", "-d", "--name", full, "--hostname", name],
      ...(network === undefined ? [] : ["--network", network]),
      ...(entrypoint === undefined ? [] : ["--entrypoint", entrypoint]),
      ...flags,
      image,
      ...args,
    );
    return new Box(name, id);
  }

  async address(): Promise<string> {
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    return await docker("inspect", "-f", format, this.#id);
  }

  /** What a shell command writes in it. */
  async exec(command: string): Promise<string> {
    return `${await docker("exec", this.#id, "sh", "-c", command)}\n`;
  }

  /** Processes that have ended and that nobody has reaped. */
  async zombies(): Promise<number> {
    const states = await this.exec("cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | cut -c1");
    return states.split("\n").filter((state) => state === "Z").length;
  }

  /** The members as its agent sees them. */
  async members(): Promise<{ name: string; status: string; tags: { state?: string } }[]> {
    const text = await this.exec("gossipd members -format=json");
    return (JSON.parse(text) as { members: [] }).members;
  }

  async statuses(): Promise<Record<string, string>> {
    const members = await this.members();
    return Object.fromEntries(members.map(({ name, status }) => [name, status]));
  }

  /** Until its agent sees that a member says so. */
  async untilState(member: string, state: string): Promise<void> {
    await waitUntil(
      `${member} is ${state}`,
      async () =>
        (await this.members().catch(() => [])).some(
          ({ name, tags }) => name === member && tags.state === state,
        ),
      { every: 200 },
    );
  }

  /** `docker stop`: how long it took, and the status of the container's first process. */
  async stop(): Promise<{ took: number; status: number }> {
    const began = performance.now();
    await docker("stop", this.#id);
    const took = performance.now() - began;
    return { took, status: Number(await docker("inspect", "-f", "{{.State.ExitCode}}", this.#id)) };
  }

  async untilLogged(text: string): Promise<void> {
    await waitUntil(`it logs ${text}`, async () => (await this.logs()).includes(text), {
      every: 200,
    });
  }

  /** What it wrote to stderr, and to stdout where it is not read apart. */
  async logs(): Promise<string> {
    return await dockerLogs(this.#id);
  }

  async remove(): Promise<void> {
    await docker("rm", "-f", this.#id);
  }
}

async function dockerLogs(id: string): Promise<string> {
  // The client writes the container's stderr to its own.
  return await run("sh", ["-c", 'docker logs "$0" 2>&1', id]);
}
