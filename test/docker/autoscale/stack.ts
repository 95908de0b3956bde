import { randomBytes } from "node:crypto";
import { waitUntil } from "../../traffic/support/waiting.js";
import { docker } from "../support/engine.js";
import { Project } from "../support/project.js";

interface PoolEvent {
  readonly kind: string;
  readonly text: string;
}

/** docker/autoscale as its test sees it. */
export class AutoscaleStack {
  readonly project = new Project({
    stack: "autoscale",
    env: {
      GOSSIPD_ENCRYPT_KEY: randomBytes(32).toString("base64"),
      DOCKER_SOCKET: (process.env.DOCKER_HOST ?? "").replace(/^unix:\/\//, ""),
    },
  });
  #service = { host: "", port: 8088 };
  #api = "";
  #prometheus = "";

  /** Finds the addresses of what runs; again after something was started. */
  async open(): Promise<void> {
    const address = async (service: string): Promise<string> =>
      await this.project.address(await this.project.container(service));
    this.#service = { host: await address("balancer"), port: 8088 };
    this.#api = `http://${await address("controller")}:8000`;
    this.#prometheus = `http://${await address("prometheus")}:9090`;
  }

  /** What clients ask. */
  get service(): { readonly host: string; readonly port: number } {
    return this.#service;
  }

  get api(): string {
    return this.#api;
  }

  async page(path: string): Promise<unknown> {
    return await (await fetch(`${this.#api}${path}`)).json();
  }

  async events(): Promise<PoolEvent[]> {
    return (await this.page("/events?limit=500")) as PoolEvent[];
  }

  /** Until so many serve and nothing is on its way. */
  async untilReady(count: number): Promise<void> {
    let last: unknown;
    const isReady = async (): Promise<boolean> => {
      const stats = (await this.page("/services/web/stats").catch(() => undefined)) as
        | { target: number; servers?: Record<string, number> }
        | undefined;
      last = stats;
      const { ready = 0, ...others } = stats?.servers ?? {};
      return (
        ready === count &&
        stats?.target === count &&
        Object.values(others).every((one) => one === 0)
      );
    };
    await waitUntil(`${count} servers are ready`, isReady, { every: 100, last: () => last });
  }

  /** Ids of the pool's containers that run, in the order of their names; that of one name. */
  async containers(name?: string): Promise<string[]> {
    const labels = [
      `com.docker.compose.project=${this.project.name}`,
      "gossipd.autoscale.service=web",
      ...(name === undefined ? [] : [`gossipd.autoscale.name=${name}`]),
    ];
    const format = '{{.Label "gossipd.autoscale.name"}} {{.ID}}';
    const filters = labels.flatMap((label) => ["--filter", `label=${label}`]);
    const lines = await docker("ps", "--format", format, ...filters);
    return lines
      .split("\n")
      .filter((line) => line !== "")
      .sort()
      .map((line) => line.split(" ")[1] ?? "");
  }

  /** The values of an expression now. */
  async prometheus(expression: string): Promise<string[]> {
    const query = encodeURIComponent(expression);
    const answer = await fetch(`${this.#prometheus}/api/v1/query?query=${query}`);
    const { data, error } = (await answer.json()) as {
      data?: { result: { value: [number, string] }[] };
      error?: string;
    };
    if (data === undefined) throw new Error(`${expression}: ${error}`);
    return data.result.map(({ value: [, value] }) => value);
  }

  /** What `docker stats` says of services, by their names. */
  async megabytes(services: readonly string[]): Promise<Record<string, number>> {
    const used: Record<string, number> = {};
    for (const service of services) {
      const id = await this.project.container(service);
      const text = await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", id);
      const [, amount, unit] = /^([\d.]+)([KMG])iB/.exec(text) ?? [];
      const factor = { K: 1 / 1_024, M: 1, G: 1_024 }[unit ?? ""] ?? Number.NaN;
      used[service] = (Number(amount) * factor * 1_048_576) / 1e6;
    }
    return used;
  }
}
