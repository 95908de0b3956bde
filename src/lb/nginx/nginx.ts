import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { OperatorError } from "../../base/errors.js";
import type { Instant, Millis } from "../../base/units.js";
import type { BalancerConfig, NginxConfig } from "../config.js";
import { diskError, readBytes, realDisk } from "../disk.js";
import { findBlocks, markersOf, replaceBlocks } from "../marker.js";
import type { Desired, Observation, Plan, ServedServer } from "../model.js";
import type { Proxy, ProxyDeps } from "../proxy.js";
import { byPoolAndName } from "../served-order.js";
import { renderTemplate } from "../template.js";
import { checkNginx } from "./check.js";
import { confirmGeneration } from "./generation.js";
import { type Build, findInstallation, type Installation, readBuild } from "./installation.js";
import { generationOf, linesByPool, parseLines } from "./lines.js";
import { type Loaded, LoadedByWorkers } from "./loaded.js";
import { type NginxProcesses, nginxProcesses, startedAt } from "./processes.js";
import { reloadNginx } from "./reload.js";

/** The block for the location that tells which configuration answers. */
const generationBlock = "generation";

/** A worker started so long after the file was changed has surely read it as it is. */
const clockSlack: Millis = 100;

/** While old workers finish: how often they are looked at. */
const lookAgain: Millis = 200;

export function openNginx(config: BalancerConfig, deps: ProxyDeps): Proxy {
  if (config.proxy.kind !== "nginx") {
    throw new OperatorError(`balancer ${config.name} is no nginx but ${config.proxy.kind}`);
  }
  return new Nginx(config, config.proxy, deps);
}

/** nginx: every change is a change of the file and a reload. */
class Nginx implements Proxy {
  readonly #config: BalancerConfig;
  readonly #nginx: NginxConfig;
  readonly #deps: ProxyDeps;
  readonly #pools: readonly string[];
  readonly #loaded: LoadedByWorkers;
  /** What an observation found loaded, which has no place in it. */
  readonly #found = new WeakMap<Observation, Loaded>();
  #build: Promise<Build | undefined> | undefined;

  constructor(config: BalancerConfig, nginx: NginxConfig, deps: ProxyDeps) {
    this.#config = config;
    this.#nginx = nginx;
    this.#deps = deps;
    this.#pools = config.pools.map(({ name }) => name);
    this.#loaded = new LoadedByWorkers(deps.notes);
  }

  async observe(): Promise<Observation> {
    try {
      const text = await this.#read();
      const { pidFile } = await this.#installation(text);
      const processes = await this.#processes(pidFile);
      const loaded = this.#loaded.of(processes.workers) ?? (await this.#lookedUp(processes, text));
      const old = this.#loaded.lingering(processes.workers, loaded.servers);
      const observation: Observation = {
        at: this.#deps.now(),
        trouble: undefined,
        process: nameOf(processes, loaded),
        servers: [...loaded.servers, ...old].sort(byPoolAndName),
        lingering: processes.workers.filter(({ finishes }) => finishes).length,
      };
      this.#found.set(observation, loaded);
      return observation;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const at = this.#deps.now();
      return { at, trouble: error.message, process: "", servers: [], lingering: 0 };
    }
  }

  async render(current: string | undefined, desired: Desired): Promise<string> {
    const { file, template, pools } = this.#config;
    const lines = linesByPool(desired.pools, pools);
    const generation = generationOf(lines);
    if (template !== undefined) return renderTemplate({ template, desired, lines, generation });
    if (current === undefined) {
      throw new OperatorError(
        `there is no file ${file}: make one (handlers/lb/nginx.conf is a sample), or set template`,
      );
    }
    this.#requireGeneration(current);
    const blocks = new Map([...lines, [generationBlock, [`return 200 "${generation}\\n";`]]]);
    return replaceBlocks(current, blocks, { file, optional: [generationBlock] });
  }

  shape(text: string): string {
    if (this.#config.template !== undefined) return text;
    const blocks = new Map([...this.#pools, generationBlock].map((name) => [name, []] as const));
    try {
      return replaceBlocks(text, blocks, { optional: [generationBlock] });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      // Without its markers it is of a shape of its own.
      return text;
    }
  }

  async check(staged: string, text: string): Promise<void> {
    const { file, checkTimeout: timeout } = this.#config;
    const { binary } = this.#nginx;
    const { mainFile } = await this.#installation(text);
    await checkNginx({ binary, file, staged, mainFile, timeout });
  }

  plan(_now: Instant, _desired: Desired, text: string, observed: Observation): Plan {
    const waits = observed.servers
      .filter(({ inUse }) => inUse > 0)
      .map(({ pool, name, node, inUse }) => {
        const workers = inUse === 1 ? "an old worker" : `${inUse} old workers`;
        return `${pool}/${node ?? name}: ${workers} may have requests under way`;
      });
    return {
      steps: [],
      reload: this.#reasonToReload(text, observed),
      waits,
      lookAgain: waits.length === 0 ? undefined : lookAgain,
    };
  }

  async perform(): Promise<void> {
    // nginx takes no commands: a plan for it has no steps.
  }

  async reload(_desired: Desired, text: string): Promise<void> {
    const { reloadTimeout } = this.#config;
    const end = performance.now() + reloadTimeout;
    const { pidFile, errorLog } = await this.#installation(text);
    const before = await this.#processes(pidFile);
    const after = await reloadNginx(before, errorLog, reloadTimeout);
    this.#note(after, text);
    const url = this.#nginx.generation;
    if (url === undefined) return;
    await confirmGeneration(url, text, Math.max(0, end - performance.now()));
  }

  #reasonToReload(text: string, observed: Observation): string | undefined {
    if (observed.trouble !== undefined) return undefined;
    const loaded = this.#found.get(observed)?.generation;
    if (loaded === this.#generation(text)) return undefined;
    return loaded === undefined
      ? "somebody else reloaded nginx, and nobody knows what it loaded"
      : "nginx serves an earlier content of the file";
  }

  #requireGeneration(text: string): void {
    const { file } = this.#config;
    const url = this.#nginx.generation;
    if (url === undefined) return;
    const optional = [generationBlock];
    const blocks = findBlocks(text, this.#pools, { file, optional });
    if (blocks.some(({ name }) => name === generationBlock)) return;
    const [begin, end] = markersOf(generationBlock);
    throw new OperatorError(
      `${file} has no place for the generation that ${url} should answer: add the lines "${begin}" and "${end}" in its location`,
    );
  }

  /** What tells apart what this text makes nginx serve; of a text with markers only what is ours. */
  #generation(text: string): string {
    if (this.#config.template !== undefined) {
      return createHash("sha256").update(text).digest("hex").slice(0, 12);
    }
    const blocks = findBlocks(text, this.#pools, { file: this.#config.file });
    const lines = blocks.map(
      ({ name, lines: own }) => [name, own.map((line) => line.trim())] as const,
    );
    return generationOf(new Map(lines));
  }

  #servers(text: string): readonly ServedServer[] {
    // A template may have written the markers as well.
    const isMarked = this.#config.template === undefined || text.includes("# gossipd begin ");
    if (isMarked) {
      const blocks = findBlocks(text, this.#pools, { file: this.#config.file });
      return blocks.flatMap(({ name, lines }) => parseLines(name, lines));
    }
    return this.#pools.flatMap((pool) => parseLines(pool, upstreamLines(text, pool)));
  }

  #note(processes: NginxProcesses, text: string): Loaded {
    const serving = processes.workers.filter(({ finishes }) => !finishes);
    const loaded = {
      generation: this.#generation(text),
      workers: serving.map(({ id }) => id),
      servers: this.#servers(text),
    };
    this.#loaded.note(loaded);
    return loaded;
  }

  /** What workers have loaded that somebody else started: the file, if it was not changed since. */
  async #lookedUp(processes: NginxProcesses, text: string): Promise<Loaded> {
    const serving = processes.workers.filter(({ finishes }) => !finishes);
    const starts = await Promise.all(serving.map(({ pid }) => startedAt(pid)));
    const first = Math.min(...starts.map((start) => start ?? 0));
    // Not the time of the content: that of a file that was moved to its place is older.
    const { ctimeMs } = await stat(this.#config.file).catch(() => ({ ctimeMs: Number.NaN }));
    if (serving.length > 0 && first > ctimeMs + clockSlack) return this.#note(processes, text);
    const servers = this.#loaded.last?.servers ?? this.#servers(text);
    return { generation: undefined, workers: [], servers };
  }

  #read(): Promise<string> {
    return readText(this.#config.file);
  }

  async #installation(text: string): Promise<Installation> {
    this.#build ??= readBuild(this.#nginx.binary, this.#config.checkTimeout);
    const build = await this.#build.catch((error: unknown) => {
      // It may be installed later.
      this.#build = undefined;
      throw error;
    });
    return findInstallation(this.#nginx, this.#config.file, text, build);
  }

  async #processes(pidFile: string): Promise<NginxProcesses> {
    const text = (await readText(pidFile)).trim();
    const found = /^[1-9]\d{0,9}$/.test(text) ? await nginxProcesses(Number(text)) : undefined;
    if (found !== undefined) return found;
    if (process.platform !== "linux") {
      throw new OperatorError("nginx's workers can be seen on Linux only: use the kind command");
    }
    throw new OperatorError(
      text === ""
        ? `nginx does not run: there is no process id in ${pidFile}`
        : `nginx does not run: ${pidFile} names process ${text.slice(0, 10)}, which is no nginx`,
    );
  }
}

/** The content of a file, nothing if there is none. */
async function readText(path: string): Promise<string> {
  try {
    return (await readBytes(realDisk, path))?.toString("utf8") ?? "";
  } catch (error) {
    throw diskError(`cannot read ${path}`, error);
  }
}

/** The lines of the block `upstream POOL` of a text that a template made. */
function upstreamLines(text: string, pool: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const begin = lines.findIndex((line) =>
    new RegExp(`^upstream\\s+${escaped(pool)}\\s*\\{`).test(line),
  );
  if (begin < 0) return [];
  const length = lines.slice(begin).findIndex((line) => line.startsWith("}"));
  return lines.slice(begin + 1, length < 0 ? undefined : begin + length);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Another text after each restart and reload, whoever did it; not for a worker that crashed. */
function nameOf({ master, workers }: NginxProcesses, loaded: Loaded): string {
  const serving = workers.filter(({ finishes }) => !finishes).map(({ id }) => id);
  const ids = loaded.workers.length > 0 ? loaded.workers : serving.sort();
  const hash = createHash("sha256").update([master.id, ...ids].join());
  return `${master.pid}-${hash.digest("hex").slice(0, 12)}`;
}
