import { OperatorError, reasonOf } from "../../base/errors.js";
import type { HaproxyConfig } from "../config.js";
import type { Observation } from "../model.js";
import type { ProxyDeps } from "../proxy.js";
import type { ConfigText, PoolPlace, Section } from "./config-text.js";
import { type Descriptors, descriptorLimit, readDescriptors } from "./descriptors.js";
import { MasterSocket, type MasterState } from "./master-socket.js";
import { observeHaproxy } from "./observe.js";
import { withOldWorkers } from "./old-workers.js";
import { familyOf, masterOf } from "./process-table.js";
import { RuntimeSocket } from "./runtime-socket.js";
import type { ServerLine } from "./server-lines.js";

/** The processes of an HAProxy, by every way to them that there is. Holds no connection. */
export class RunningHaproxy {
  readonly master: MasterSocket | undefined;
  readonly #settings: HaproxyConfig;
  readonly #deps: ProxyDeps;
  readonly #file: string;
  #masterState: MasterState | undefined;
  /** How often in a row the master did not answer. */
  #silences = 0;

  constructor(settings: HaproxyConfig, deps: ProxyDeps, file: string) {
    this.#settings = settings;
    this.#deps = deps;
    this.#file = file;
    this.master =
      settings.masterSocket === undefined
        ? undefined
        : new MasterSocket(settings.masterSocket, settings.socketTimeout);
  }

  /** How many reloads in a row have failed when the master was asked last; 0 if it cannot be. */
  get failedReloads(): number {
    return this.#masterState?.failed ?? 0;
  }

  /** The runtime socket of a configuration; undefined if it has none. */
  stats(config: ConfigText | undefined): RuntimeSocket | undefined {
    const path = this.#settings.socket ?? config?.statsSocket;
    return path === undefined ? undefined : new RuntimeSocket(path, this.#settings.socketTimeout);
  }

  pidFile(config: ConfigText | undefined): string | undefined {
    return this.#settings.pidFile ?? config?.pidFile;
  }

  /** What to do about it that there is no runtime socket. */
  get noSocket(): string {
    return `there is no way to ask HAProxy what it serves: add "stats socket PATH mode 600 level admin" to the section global of ${this.#file}, or give "socket" or "master_socket"`;
  }

  /** What it serves. That it cannot be asked is told in the answer. */
  async observe(
    config: ConfigText | undefined,
    places: readonly PoolPlace[],
  ): Promise<Observation> {
    try {
      const [seen, master] = await Promise.all([this.#ask(config, places), this.#askMaster()]);
      this.#masterState = master;
      if (seen.trouble !== undefined) return seen;
      const lingering = await this.#lingering(seen.process);
      if (this.master === undefined || master === undefined) return { ...seen, lingering };
      const backends = new Map(places.map(({ pool, section }) => [pool, section.name]));
      const whole = await withOldWorkers(seen, this.master, master.lingering, backends);
      return { ...whole, lingering };
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const at = this.#deps.now();
      return { at, trouble: error.message, process: "", servers: [], lingering: 0 };
    }
  }

  /** What the running process needs of file descriptors, and what a new one may have. */
  async descriptors(
    config: ConfigText,
  ): Promise<{ running: Descriptors; limit: number } | undefined> {
    const answers = await this.stats(config)
      ?.ask(["show info"])
      .catch(() => undefined);
    const info = answers?.[0] ?? "";
    const running = readDescriptors(info);
    const worker = Number(/^Pid: (\d+)/m.exec(info)?.[1]);
    const family = await familyOf(worker);
    const limit = family === undefined ? undefined : await descriptorLimit(family.master);
    return running === undefined || limit === undefined ? undefined : { running, limit };
  }

  /** By the runtime socket; without one only which process serves can be seen. */
  async #ask(config: ConfigText | undefined, places: readonly PoolPlace[]): Promise<Observation> {
    const stats = this.stats(config);
    if (stats !== undefined) {
      const pools = places.map(({ pool, section, lines }) => ({
        pool,
        backend: section.name,
        lines,
        foreign: foreignIn(section, lines),
      }));
      return await observeHaproxy(stats, this.#deps.now, pools);
    }
    return {
      at: this.#deps.now(),
      trouble: undefined,
      process: await this.#processWithoutSocket(config),
      servers: [],
      lingering: 0,
    };
  }

  async #processWithoutSocket(config: ConfigText | undefined): Promise<string> {
    if (this.master !== undefined) {
      const { worker, reloads } = await this.master.state();
      return `${worker ?? ""}@reload ${reloads}`;
    }
    const pidFile = this.pidFile(config);
    if (pidFile === undefined) throw new OperatorError(this.noSocket);
    const family = await familyOf(await masterOf(pidFile));
    if (family === undefined) throw new OperatorError(this.noSocket);
    return `${family.workers[0] ?? ""}@`;
  }

  /**
   * Its silence is no trouble until there is something to be loaded, but told once. For a moment it is
   * not there after each reload: then what it said last has to do.
   */
  async #askMaster(): Promise<MasterState | undefined> {
    try {
      const state = await this.master?.state();
      this.#silences = 0;
      return state;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#silences += 1;
      if (this.#silences === 1) return this.#masterState;
      if (this.#silences === 2) {
        this.#deps.log.warn({ reason: reasonOf(error) }, "master of haproxy does not answer");
      }
      return undefined;
    }
  }

  async #lingering(process: string): Promise<number> {
    if (this.#masterState !== undefined) return this.#masterState.lingering.length;
    const family = await familyOf(Number.parseInt(process, 10));
    return family === undefined ? 0 : Math.max(0, family.workers.length - 1);
  }
}

/** The servers of a section that are not the pool's. */
function foreignIn({ directives }: Section, lines: readonly ServerLine[]): ReadonlySet<string> {
  const own = new Set(lines.map(({ name }) => name));
  const names = directives.flatMap(({ words: [keyword, name] }) =>
    keyword === "server" && name !== undefined && !own.has(name) ? [name] : [],
  );
  return new Set(names);
}
