import { isIP } from "node:net";
import type { Member } from "gossipd";
import type { Metric, ServiceConfig } from "./config.ts";
import type { Docker } from "./docker.ts";
import { fetchText } from "./fetch-text.ts";
import { backendNumbers } from "./haproxy-stats.ts";
import { LoadWindow } from "./load-window.ts";

/**
 * Measures the load of one pool.
 *
 * At the balancers, since there all of it comes by: what servers tell of themselves is bounded by what they
 * can do, so that a pool that is far too small looks just full. Whoever is an alive member with a tag
 * `balancer` is asked, and one that does not answer leaves the load unknown.
 */
export class LoadMeter {
  readonly #service: ServiceConfig;
  readonly #docker: Docker;
  readonly #length: number;
  /** By the names of the balancers that are alive. */
  readonly #windows = new Map<string, LoadWindow>();
  /** By the ids of containers that run. */
  readonly #cpuTimes = new Map<string, { readonly at: number; readonly time: number }>();
  #cpuPercent: number | undefined;

  constructor(service: ServiceConfig, docker: Docker, length: number) {
    this.#service = service;
    this.#docker = docker;
    this.#length = length;
  }

  /** Asks every balancer for its numbers. */
  async sample(members: readonly Member[]): Promise<void> {
    const balancers = members.filter(
      ({ status, tags }) => status === "alive" && tags.balancer !== undefined,
    );
    const names = new Set(balancers.map(({ name }) => name));
    for (const name of this.#windows.keys()) if (!names.has(name)) this.#windows.delete(name);
    await Promise.all(balancers.map(({ name, address }) => this.#ask(name, address)));
  }

  /** Looks at what the containers have computed since the last look. */
  async sampleCpu(ids: readonly string[]): Promise<void> {
    if (!this.#service.thresholds.has("cpu_percent")) return;
    const before = new Map(this.#cpuTimes);
    this.#cpuTimes.clear();
    const shares = await Promise.all(
      ids.map(async (id) => {
        const time = await this.#docker.cpuTime(id);
        const at = performance.now();
        this.#cpuTimes.set(id, { at, time });
        const last = before.get(id);
        return last === undefined ? 0 : (100 * (time - last.time)) / (at - last.at);
      }),
    ).catch(() => undefined);
    this.#cpuPercent = shares?.reduce((sum, share) => sum + share, 0);
  }

  /** Sums over all balancers; what could not be measured is missing. */
  totals(now: number): Map<Metric, number> {
    const totals = new Map<Metric, number>();
    const loads = [...this.#windows.values()].map((window) => window.load(now));
    const known = loads.filter((load) => load !== undefined);
    if (known.length > 0 && known.length === loads.length) {
      totals.set("requests_in_flight", sum(known.map((load) => load.requestsInFlight)));
      totals.set("requests_per_second", sum(known.map((load) => load.requestsPerSecond)));
    }
    if (this.#cpuPercent !== undefined) totals.set("cpu_percent", this.#cpuPercent);
    return totals;
  }

  /** Requests that wait for a server, as far as is known. */
  queued(now: number): number {
    return sum([...this.#windows.values()].map((window) => window.load(now)?.queued ?? 0));
  }

  async #ask(name: string, address: string): Promise<void> {
    const window = this.#windows.get(name) ?? new LoadWindow(this.#length);
    this.#windows.set(name, window);
    const { backend, port } = this.#service.balancer;
    const host = isIP(address) === 6 ? `[${address}]` : address;
    try {
      const csv = await fetchText(`http://${host}:${port}/;csv`, 1_000);
      const numbers = backendNumbers(csv, backend);
      if (numbers !== undefined) window.add(performance.now(), numbers);
    } catch {
      // The window has no new look, and says so.
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
