import { request } from "node:http";
import { OperatorError } from "gossipd";

/** A container as a list of the engine has it. */
export interface Container {
  readonly id: string;
  /** The host name that it was given, which is also the name of its member. */
  readonly name: string;
  /** The engine's word: created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** What the engine says of it in words, such as "Exited (137) 3 seconds ago". */
  readonly status: string;
  /** Its address in the pool's network. */
  readonly address: string | undefined;
  /** ms since 1970. */
  readonly createdAt: number;
}

/** What containers are created from. */
export interface ContainerPlan {
  readonly containerName: string;
  readonly hostname: string;
  readonly image: string;
  readonly environment: readonly string[];
  readonly network: string;
  /** Bytes; 0 is no limit. */
  readonly memory: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Where the controller itself runs. */
export interface Surroundings {
  /** The compose project, so that its commands know the pool's containers. */
  readonly project: string;
  readonly network: string;
}

/** The label with the name that {@link Container} has. */
const nameLabel = "gossipd.autoscale.name";
/** Of an answer, in characters. */
const maxAnswer = 8_000_000;

/** The few calls of the Docker Engine API (version 1.41, of Docker 20.10) that a pool needs. */
export class Docker {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Looks at the container that this process runs in. */
  async surroundings(hostname: string): Promise<Surroundings> {
    const self = (await this.#ask("GET", `/containers/${encodeURIComponent(hostname)}/json`)) as {
      Config: { Labels: Record<string, string> };
      NetworkSettings: { Networks: Record<string, unknown> };
    };
    const [network] = Object.keys(self.NetworkSettings.Networks);
    if (network === undefined) throw new OperatorError("the controller's container has no network");
    return { project: self.Config.Labels["com.docker.compose.project"] ?? "autoscale", network };
  }

  /** All containers with the labels, those that ended too, by their names. */
  async list(labels: Readonly<Record<string, string>>): Promise<Container[]> {
    const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const filters = encodeURIComponent(JSON.stringify({ label }));
    const all = (await this.#ask("GET", `/containers/json?all=1&filters=${filters}`)) as {
      Id: string;
      State: string;
      Status: string;
      Created: number;
      Labels: Record<string, string>;
      NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
    }[];
    const containers = all.map(({ Id, State, Status, Created, Labels, NetworkSettings }) => ({
      id: Id,
      name: Labels[nameLabel] ?? Id.slice(0, 12),
      state: State,
      status: Status,
      address: Object.values(NetworkSettings.Networks)[0]?.IPAddress || undefined,
      createdAt: Created * 1_000,
    }));
    return containers.sort((one, other) =>
      one.name.localeCompare(other.name, "en", { numeric: true }),
    );
  }

  /** Creates and starts one. One that cannot be started is removed again. */
  async run(plan: ContainerPlan): Promise<void> {
    const name = encodeURIComponent(plan.containerName);
    const created = (await this.#ask("POST", `/containers/create?name=${name}`, {
      Image: plan.image,
      Hostname: plan.hostname,
      Env: plan.environment,
      Labels: { ...plan.labels, [nameLabel]: plan.hostname },
      HostConfig: {
        NetworkMode: plan.network,
        Memory: plan.memory,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        // The controller replaces what ends: two who start it again get in each other's way.
        RestartPolicy: { Name: "no" },
      },
    })) as { Id: string };
    try {
      await this.#ask("POST", `/containers/${created.Id}/start`);
    } catch (error) {
      await this.remove(created.Id);
      throw error;
    }
  }

  /** SIGTERM, after `timeout` ms SIGKILL; resolves when it has ended. */
  async stop(id: string, timeout: number): Promise<void> {
    const seconds = Math.ceil(timeout / 1_000);
    await this.#ask("POST", `/containers/${id}/stop?t=${seconds}`, undefined, timeout + 10_000);
  }

  /** Kills it if it runs, and removes it with its volumes. */
  async remove(id: string): Promise<void> {
    await this.#ask("DELETE", `/containers/${id}?force=1&v=1`);
  }

  /** The time that it has computed since its start, ms of one processor. */
  async cpuTime(id: string): Promise<number> {
    const stats = (await this.#ask(
      "GET",
      `/containers/${id}/stats?stream=false&one-shot=true`,
    )) as {
      cpu_stats: { cpu_usage: { total_usage: number } };
    };
    return stats.cpu_stats.cpu_usage.total_usage / 1e6;
  }

  /** Rejects with an {@link OperatorError} of one line. What is not there any more is no error. */
  async #ask(method: string, path: string, body?: unknown, timeout = 20_000): Promise<unknown> {
    const what = `Docker engine at ${this.#socket}: ${method} ${path.replace(/\?.*/s, "")}`;
    const { status, text } = await this.#send(method, path, body, timeout).catch(
      (error: unknown) => {
        throw new OperatorError(`${what}: ${(error as Error).message}`);
      },
    );
    const value = jsonOf(text);
    const isGone = status === 404 && method !== "GET" && !path.startsWith("/containers/create");
    if (status < 400 || isGone) return value;
    const message = (value as { message?: unknown } | undefined)?.message;
    throw new OperatorError(`${what}: ${String(message ?? status)}`);
  }

  #send(
    method: string,
    path: string,
    body: unknown,
    timeout: number,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({
        socketPath: this.#socket,
        method,
        path: `/v1.41${path}`,
        headers: { host: "docker", "content-type": "application/json" },
        signal: AbortSignal.timeout(timeout),
      });
      asked.once("error", reject);
      asked.once("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
          if (text.length > maxAnswer) response.destroy(new Error("the answer is too long"));
        });
        response.once("error", reject);
        response.once("end", () => resolve({ status: response.statusCode ?? 500, text }));
      });
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
