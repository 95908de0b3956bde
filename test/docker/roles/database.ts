import { docker } from "../support/engine.js";
import type { Project } from "../support/project.js";

/** The services that are database nodes. */
export const databaseNodes = ["db1", "db2"] as const;

/** What Patroni says of a node. */
interface PatroniMember {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

/** What a member tells of itself. */
interface RoleTags {
  readonly role?: string;
  readonly role_epoch?: string;
}

/** The database of the stack, asked as its operators ask it. */
export class Database {
  readonly #project: Project;

  constructor(project: Project) {
    this.#project = project;
  }

  /** The tags of all live members that have a role, by name, as the balancer sees them. */
  async tags(): Promise<ReadonlyMap<string, RoleTags>> {
    const text = await this.#project.exec("balancer", "gossipd members -status alive -format json");
    const { members } = JSON.parse(text) as {
      readonly members: readonly { readonly name: string; readonly tags: RoleTags }[];
    };
    return new Map(members.map(({ name, tags }) => [name, tags]));
  }

  /** What Patroni beside `node` says of all nodes: "db1 leader running", ... */
  async cluster(node: string): Promise<string[]> {
    const text = await this.#project.exec(node, "curl -s --max-time 2 localhost:8008/cluster");
    const { members } = JSON.parse(text) as { readonly members: readonly PatroniMember[] };
    return members.map(({ name, role, state }) => `${name} ${role} ${state}`).sort();
  }

  /** Whoever answers behind a port of the balancer, asked from `node`: its name, and what it takes itself for. */
  async behind(port: number, node: string): Promise<string> {
    const sql = "SELECT pg_is_in_recovery(), inet_server_addr()";
    const url = `postgres://images:demo-images@balancer:${port}/images?connect_timeout=5`;
    const line = await this.#project.exec(node, `psql -XAtq -F ' ' '${url}' -c '${sql}'`);
    const [replica, address] = line.trim().split(" ");
    const names = await Promise.all(
      databaseNodes.map(async (name) => ((await this.address(name)) === address ? name : "")),
    );
    return `${names.join("")} ${replica === "t" ? "replica" : "primary"}`;
  }

  /** Hashes of all images that a node itself has, by id. */
  async images(node: string): Promise<ReadonlyMap<string, string>> {
    const sql = "SELECT id, encode(sha256(bytes), $$hex$$) FROM images";
    const text = await this.#project.exec(node, `psql -XAtq -F ' ' -d images -c '${sql}'`);
    const lines = text.split("\n").filter((line) => line !== "");
    return new Map(lines.map((line) => line.split(" ") as [string, string]));
  }

  async switchOver(from: string, to: string): Promise<void> {
    const order = `patronictl switchover --leader ${from} --candidate ${to} --force`;
    await this.#project.exec(from, order);
  }

  async address(node: string): Promise<string> {
    return await this.#project.address(await this.#project.container(node));
  }

  /** `docker ORDER` for the container of a service. */
  async order(order: "kill" | "start" | "stop" | "pause" | "unpause", service: string) {
    await docker(order, await this.#project.container(service));
  }
}
