import { Load } from "../../traffic/support/load-client.js";
import { type WaitOptions, waitUntil } from "../../traffic/support/waiting.js";
import { docker } from "../support/engine.js";
import { Project } from "../support/project.js";

export interface LabOptions {
  /** The compose file. */
  readonly file: string;
}

/** docker/lab, and how somebody looks at it who has a browser and `docker ps`. */
export class Lab {
  readonly project: Project;
  #address = "";

  constructor({ file }: LabOptions) {
    this.project = new Project({ stack: "lab", file });
  }

  /** Starts it as the README says, and waits until all web servers are served. */
  async up(): Promise<void> {
    await this.project.up();
    this.#address = await this.project.address(await this.project.container("ha"));
    await this.untilPageIsTrue();
  }

  /** Where clients are served. */
  get target(): { readonly host: string; readonly port: number } {
    return { host: this.#address, port: 8080 };
  }

  /** Clients of all kinds; the slow ones always have a request under way. */
  load(): Load {
    return Load.start({
      target: this.target,
      clients: { fresh: 4, kept: 6, post: 4, freshPost: 2, slow: 2, slowPost: 1 },
      rate: 120,
    });
  }

  /** `docker compose up -d --scale web=COUNT`, until that has been done. */
  async scale(count: number): Promise<void> {
    await this.project.compose("up", "-d", "--no-recreate", "--scale", `web=${count}`);
  }

  /** The network of all containers. */
  async network(): Promise<string> {
    const format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}";
    return await docker("inspect", "-f", format, await this.project.container("ha"));
  }

  /** The web containers that run, as `docker ps` lists them, sorted. */
  async living(): Promise<string[]> {
    const lines = await docker(
      ...["ps", "--format", "{{.ID}}"],
      ...["--filter", `label=com.docker.compose.project=${this.project.name}`],
      ...["--filter", "label=com.docker.compose.service=web"],
    );
    return lines
      .split("\n")
      .filter((id) => id !== "")
      .sort();
  }

  /**
   * The containers that the statistics page shows as servers, sorted; those that are not up with their state.
   * A server's name begins with the twelve letters that `docker ps` shows.
   */
  async page(): Promise<string[]> {
    const text = await fetch(`http://${this.#address}:1936/`).then(
      (response) => response.text(),
      () => '<tr class="no page"><a name="web/HAProxy">',
    );
    return text
      .split("<tr ")
      .slice(1)
      .flatMap((row) => {
        const name = /<a name="web\/([^"]+)"/.exec(row)?.[1];
        const state = /^class="([^"]+)"/.exec(row)?.[1];
        if (name === undefined || name === "Backend") return [];
        return state === "active_up" ? name.slice(0, 12) : `${name} (${state})`;
      })
      .sort();
  }

  /** Waits until the page shows the containers that run, and nobody else. */
  async untilPageIsTrue(options: WaitOptions = {}): Promise<number> {
    let seen: unknown;
    return await waitUntil(
      "the page shows exactly the living",
      async () => {
        const [page, living] = await Promise.all([this.page(), this.living()]);
        seen = { page, living };
        return page.join() === living.join();
      },
      { every: 100, last: () => seen, ...options },
    );
  }
}
