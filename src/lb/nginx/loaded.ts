import { formatHostPort } from "../../base/address.js";
import type { ServedServer } from "../model.js";
import type { Notes } from "../proxy.js";
import { readIp, readNodeName, readPort, readWeight } from "../values.js";
import type { Worker } from "./processes.js";

/** What some workers have loaded. */
export interface Loaded {
  /** What tells it apart, see {@link generationOf}; undefined if nobody knows. */
  readonly generation: string | undefined;
  /** {@link Worker.id}. */
  readonly workers: readonly string[];
  readonly servers: readonly ServedServer[];
}

/** As many reloads as may have workers that still finish; beyond that the oldest are forgotten. */
const maxEarlier = 32;

const key = "nginx";

/**
 * What nginx serves: it cannot tell, but a worker keeps what it was started with. So what each reload
 * loaded is noted with the workers that it started, also of those that only finish.
 */
export class LoadedByWorkers {
  readonly #notes: Notes;
  #current: Loaded | undefined;
  /** At most {@link maxEarlier}. */
  #earlier: readonly Loaded[];

  constructor(notes: Notes) {
    this.#notes = notes;
    const kept = notes.read(key);
    const object: { current?: unknown; earlier?: unknown } =
      typeof kept === "object" && kept !== null ? kept : {};
    const { current, earlier } = object;
    this.#current = readLoaded(current);
    this.#earlier = (Array.isArray(earlier) ? earlier : []).flatMap((one) => readLoaded(one) ?? []);
  }

  /**
   * What was noted for workers that serve: a reload replaces all of them, so one that is still there
   * is enough, and others that were started since (in place of one that crashed) have the same.
   */
  of(workers: readonly Worker[]): Loaded | undefined {
    const serving = workers.filter(({ finishes }) => !finishes);
    return serving.some(({ id }) => this.#current?.workers.includes(id))
      ? this.#current
      : undefined;
  }

  /** What was noted last, whoever serves now. */
  get last(): Loaded | undefined {
    return this.#current;
  }

  /** Notes what the workers that serve have loaded. */
  note(loaded: Loaded): void {
    if (this.#current !== undefined && !sameWorkers(this.#current, loaded)) {
      this.#earlier = [...this.#earlier, this.#current].slice(-maxEarlier);
    }
    this.#current = loaded;
    this.#write();
  }

  /**
   * The servers that only workers have that finish: each may still have something under way there.
   * nginx does not tell how much, so they count as one for each worker.
   */
  lingering(workers: readonly Worker[], serving: readonly ServedServer[]): readonly ServedServer[] {
    const finishing = new Set(workers.filter(({ finishes }) => finishes).map(({ id }) => id));
    const earlier = this.#earlier.filter((one) => one.workers.some((id) => finishing.has(id)));
    if (earlier.length < this.#earlier.length) {
      this.#earlier = earlier;
      this.#write();
    }
    const found = new Map<string, ServedServer>();
    const known = new Set(serving.map(identity));
    for (const { servers, workers: ids } of earlier) {
      const inUse = ids.filter((id) => finishing.has(id)).length;
      for (const server of servers.filter((one) => !known.has(identity(one)))) {
        const before = found.get(identity(server))?.inUse ?? 0;
        found.set(identity(server), { ...server, state: "drain", inUse: before + inUse });
      }
    }
    return [...found.values()];
  }

  #write(): void {
    this.#notes.write(key, { current: this.#current, earlier: this.#earlier });
  }
}

function sameWorkers(one: Loaded, other: Loaded): boolean {
  return one.workers.join() === other.workers.join();
}

function identity({ pool, node, ip, port }: ServedServer): string {
  return `${pool} ${node ?? ""} ${formatHostPort(ip, port)}`;
}

/** Notes may be of another version, or damaged: what cannot be read is as good as lost. */
function readLoaded(value: unknown): Loaded | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { generation, workers, servers } = value as Record<keyof Loaded, unknown>;
  if (!Array.isArray(workers) || !Array.isArray(servers)) return undefined;
  return {
    generation: typeof generation === "string" ? generation : undefined,
    workers: workers.filter((id): id is string => typeof id === "string"),
    servers: servers.flatMap((server: unknown) => readServed(server) ?? []),
  };
}

function readServed(value: unknown): ServedServer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pool, node, ip, port, weight } = value as Record<keyof ServedServer, unknown>;
  const address = readIp(String(ip));
  const number = readPort(String(port));
  const share = readWeight(String(weight));
  if (typeof pool !== "string" || address.fault !== undefined) return undefined;
  if (number.fault !== undefined || share.fault !== undefined) return undefined;
  const name = readNodeName(String(node));
  return {
    pool,
    name: formatHostPort(address.value, number.value),
    node: name.fault === undefined && node !== undefined ? name.value : undefined,
    ip: address.value,
    port: number.value,
    weight: share.value,
    state: "ready",
    up: true,
    inUse: 0,
  };
}
