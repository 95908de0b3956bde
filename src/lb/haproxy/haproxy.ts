import { stat } from "node:fs/promises";
import { assert } from "../../base/assert.js";
import { OperatorError, reasonOf } from "../../base/errors.js";
import type { Instant } from "../../base/units.js";
import type { BalancerConfig, HaproxyConfig } from "../config.js";
import { codeOf, readBytes, realDisk } from "../disk.js";
import { decode } from "../encoding.js";
import { replaceBlocks } from "../marker.js";
import type { Desired, Observation, Plan, Step } from "../model.js";
import type { Proxy, ProxyDeps } from "../proxy.js";
import { hashOf } from "../text-hash.js";
import { formOf, notAmong, parseForm, tryBinds } from "./binds.js";
import { checkFile } from "./check.js";
import { ConfigText, type PoolPlace } from "./config-text.js";
import { checkDescriptors, neededDescriptors } from "./descriptors.js";
import { Loaded } from "./loaded.js";
import {
  defaultsOf,
  type LineKind,
  linesOf,
  ownedLines,
  refuseSharedBackends,
  shapeOf,
  stateTargets,
  textOf,
} from "./pool-text.js";
import { refuseBindChanges } from "./preflight.js";
import { reloadHaproxy } from "./reload.js";
import { planReload } from "./reload-plan.js";
import { RunningHaproxy } from "./running.js";
import { performSteps } from "./runtime-perform.js";
import { type Drains, type PlannedPool, planSlots } from "./runtime-plan.js";
import { withoutSlot } from "./slots.js";
import { StateFile } from "./state-file.js";

/** HAProxy behind its one configuration file. */
export function openHaproxy(config: BalancerConfig, deps: ProxyDeps): Proxy {
  assert(config.proxy.kind === "haproxy", `not a configuration of HAProxy: ${config.proxy.kind}`);
  return new Haproxy(config, config.proxy, deps);
}

/** Two texts are looked at in a round, the old one and the new one. */
const keptTexts = 4;

class Haproxy implements Proxy {
  readonly #config: BalancerConfig;
  readonly #settings: HaproxyConfig;
  readonly #deps: ProxyDeps;
  readonly #pools: readonly string[];
  readonly #loaded: Loaded;
  readonly #running: RunningHaproxy;
  /** Texts that were parsed; at most {@link keptTexts}, the newest last. */
  #parsed: readonly ConfigText[] = [];
  /** Hashes of shapes that were found right; at most {@link keptTexts}. */
  #checked: readonly string[] = [];
  /** The file as it was seen last. */
  #disk: ConfigText | undefined;
  /** Where the pools were seen last. */
  #seen: readonly PoolPlace[] = [];
  /** The process that was seen last. */
  #process = "";
  #drains: Drains = new Map();

  constructor(config: BalancerConfig, settings: HaproxyConfig, deps: ProxyDeps) {
    this.#config = config;
    this.#settings = settings;
    this.#deps = deps;
    this.#pools = config.pools.map(({ name }) => name);
    this.#loaded = new Loaded(deps.notes);
    this.#running = new RunningHaproxy(settings, deps, config.file);
  }

  async observe(): Promise<Observation> {
    try {
      const { config, modified } = await this.#read();
      this.#disk = config;
      const places = config === undefined ? [] : this.#placesIn(config);
      // In a file that lost its markers: HAProxy serves what it loaded, and nobody may think that he is out.
      if (places.length > 0) this.#seen = places;
      const observed = await this.#running.observe(config, this.#seen);
      this.#process = observed.process;
      if (observed.trouble === undefined && config !== undefined) {
        this.#recognize(config, modified, observed.process);
      }
      return observed;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const at = this.#deps.now();
      return { at, trouble: error.message, process: "", servers: [], lingering: 0 };
    }
  }

  async render(
    current: string | undefined,
    desired: Desired,
    observed: Observation,
  ): Promise<string> {
    const { file, template } = this.#config;
    const config = current === undefined ? undefined : this.#parse(current);
    const lines = linesOf({
      config: this.#config,
      desired,
      places: config === undefined ? [] : this.#placesIn(config),
      served: observed.trouble === undefined ? observed.servers : undefined,
      kind: this.#kindOf(config),
      slots: this.#settings.slots,
      mayShrink: config !== undefined && this.#staleness(config, observed) !== undefined,
    });
    for (const pool of desired.pools) {
      const nodes = withoutSlot(pool, lines.get(pool.name) ?? []);
      if (nodes.length > 0) this.#deps.log.warn({ pool: pool.name, nodes }, "no slot for servers");
    }
    if (template !== undefined) {
      const { renderTemplate } = await import("../template.js");
      return await renderTemplate({ template, desired, lines: textOf(lines) });
    }
    if (current === undefined || config === undefined) {
      throw new OperatorError(
        `there is no file ${file}: write one for HAProxy with the lines "# gossipd begin ${this.#pools[0]}" and "# gossipd end ${this.#pools[0]}" in a backend, or give "template"`,
      );
    }
    const text = replaceBlocks(current, textOf(lines), { file });
    // That they stand in backends.
    const places = config.places(this.#pools, file);
    if (this.#kindOf(config) === "slots") refuseSharedBackends(places, file);
    return text;
  }

  shape(text: string): string {
    const config = this.#parse(text);
    const kind = this.#kindOf(config);
    return kind === "named" ? text : shapeOf(text, this.#placesIn(config), kind);
  }

  async check(staged: string, text: string, live: string | undefined): Promise<void> {
    const { file } = this.#config;
    const next = this.#parse(text);
    next.places(this.#pools, file);
    const before = live === undefined ? undefined : this.#parse(live);
    if (before !== undefined && !this.#settings.allowBindChanges) {
      refuseBindChanges(next, before, file);
    }
    await this.#examine(staged, next, before);
  }

  plan(now: Instant, desired: Desired, text: string, observed: Observation): Plan {
    if (observed.trouble !== undefined) {
      const waits = [observed.trouble];
      return { steps: [], reload: undefined, waits, lookAgain: undefined };
    }
    const config = this.#parse(text);
    const stale = this.#staleness(config, observed);
    const pools = this.#planned(config, desired);
    if (this.#kindOf(config) === "named") return planReload(pools, observed, stale);
    const { steps, reload, waits, lookAgain, drains } = planSlots(
      now,
      pools,
      observed,
      this.#drains,
    );
    this.#drains = drains;
    return { steps, reload: stale ?? reload, waits, lookAgain };
  }

  async perform(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return;
    const stats = this.#running.stats(this.#disk);
    if (stats === undefined) throw new OperatorError(this.#running.noSocket);
    // In a process that loaded something else the names of slots mean something else.
    const { process, trouble } = await this.#running.observe(this.#disk, []);
    if (trouble !== undefined) throw new OperatorError(trouble);
    if (process !== this.#process) {
      throw new OperatorError(
        `HAProxy was started or reloaded by somebody just now (process ${process}, before ${this.#process})`,
      );
    }
    await performSteps(stats, steps);
  }

  async reload(desired: Desired, text: string): Promise<void> {
    const { file, reloadTimeout } = this.#config;
    const next = this.#parse(text);
    await this.#reexamine(next);
    const path = this.#settings.stateFile ?? next.stateFile;
    const states = path === undefined ? undefined : new StateFile(path);
    try {
      await this.#handStatesOver(states, next, desired);
      await reloadHaproxy({
        file,
        master: this.#running.master,
        pidFile: this.#running.pidFile(next),
        stats: this.#running.stats(next),
        timeout: reloadTimeout,
        now: this.#deps.now,
      });
    } finally {
      await states?.discard().catch((error: unknown) => {
        this.#deps.log.error({ error: reasonOf(error) }, "states of servers left behind");
      });
    }
    const { process } = await this.#running.observe(next, []);
    this.#remember(next, process);
  }

  async #read(): Promise<{ config: ConfigText | undefined; modified: number }> {
    const { file } = this.#config;
    try {
      const bytes = await readBytes(realDisk, file);
      if (bytes === undefined) return { config: undefined, modified: 0 };
      const { mtimeMs, ctimeMs } = await stat(file);
      // Copies may bring the time of another file along, but not that of their making.
      const modified = Math.max(mtimeMs, ctimeMs);
      return { config: this.#parse(decode(bytes).text), modified };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return { config: undefined, modified: 0 };
      if (error instanceof OperatorError) throw error;
      throw new OperatorError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
    }
  }

  #parse(text: string): ConfigText {
    const known = this.#parsed.find((config) => config.text === text);
    const config = known ?? new ConfigText(text);
    const others = this.#parsed.filter((other) => other !== config);
    this.#parsed = [...others, config].slice(-keptTexts);
    return config;
  }

  /** Where the pools are; nowhere, in a file that lacks one of them. */
  #placesIn(config: ConfigText): readonly PoolPlace[] {
    try {
      return config.places(this.#pools, this.#config.file);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      return [];
    }
  }

  /** Whether and how servers are changed at run time; if not, by loading the file anew. */
  #kindOf(config: ConfigText | undefined): LineKind {
    const { mode, socket } = this.#settings;
    if (mode === "reload") return "named";
    if (mode !== "auto") return mode;
    const asks = socket !== undefined || config === undefined || config.statsSocket !== undefined;
    return asks ? "slots" : "named";
  }

  #planned(config: ConfigText, desired: Desired): readonly PlannedPool[] {
    const dynamic = this.#kindOf(config) === "dynamic";
    return config.places(this.#pools, this.#config.file).flatMap((place) => {
      const pool = desired.pools.find(({ name }) => name === place.pool);
      const settings = this.#config.pools.find(({ name }) => name === place.pool);
      if (pool === undefined || settings === undefined) return [];
      return {
        pool: place.pool,
        backend: place.section.name,
        lines: ownedLines(place, pool),
        desired: pool,
        exclusive: settings.exclusive !== undefined,
        drainLimit: settings.drainLimit,
        ...(dynamic ? { dynamic: { defaults: defaultsOf(place) } } : {}),
      };
    });
  }

  /** Why the process that serves has to load this text; undefined if it has done so already. */
  #staleness(config: ConfigText, { process }: Observation): string | undefined {
    const { failedReloads } = this.#running;
    if (failedReloads > 0) {
      return `the last reload failed (${failedReloads} in a row), and HAProxy would end with its process`;
    }
    const loaded = this.#loaded.by(process);
    if (loaded === undefined)
      return `it is not known whether process ${process} has loaded the file`;
    if (loaded.shape === hashOf(this.shape(config.text))) return undefined;
    return "the file has changed by more than its servers since it was loaded";
  }

  /** A process that began after the file was written has loaded it, whoever started it. */
  #recognize(config: ConfigText, modified: number, process: string): void {
    const started = Number(process.split("@")[1] || Number.NaN);
    // The start comes in whole seconds: in that second itself it cannot be told.
    if (this.#loaded.by(process) === undefined && modified < 1_000 * started) {
      this.#remember(config, process);
    }
  }

  #remember(config: ConfigText, process: string): void {
    const shape = hashOf(this.shape(config.text));
    this.#loaded.remember({ process, shape, binds: config.binds.map(formOf) });
  }

  /** Whether HAProxy could load what is in `path`, as far as it can be known without doing it. */
  async #examine(path: string, next: ConfigText, before: ConfigText | undefined): Promise<void> {
    const { file, checkTimeout } = this.#config;
    await checkFile(this.#settings.binary, path, file, checkTimeout);
    if (before !== undefined) {
      await tryBinds(notAmong(next.binds, before.binds.map(formOf)), before.binds, file);
      const known = await this.#running.descriptors(before);
      if (known !== undefined) {
        checkDescriptors(neededDescriptors(known.running, before, next), known.limit, file);
      }
    }
    this.#checked = [...this.#checked, hashOf(this.shape(next.text))].slice(-keptTexts);
  }

  /**
   * What somebody else wrote was never checked, and the file that it changed is not what the process
   * has loaded: that alone tells where HAProxy listens already.
   */
  async #reexamine(next: ConfigText): Promise<void> {
    const { file } = this.#config;
    if (!this.#checked.includes(hashOf(this.shape(next.text)))) {
      await this.#examine(file, next, undefined);
    }
    const binds = this.#loaded.by(this.#process)?.binds;
    if (binds === undefined) return;
    await tryBinds(notAmong(next.binds, binds), binds.map(parseForm), file);
  }

  /** Without it a new process takes every server for well, so it is no reason not to load the file. */
  async #handStatesOver(
    states: StateFile | undefined,
    next: ConfigText,
    desired: Desired,
  ): Promise<void> {
    if (states === undefined) return;
    try {
      const [dump = ""] =
        (await this.#running.stats(this.#disk)?.ask(["show servers state"])) ?? [];
      await states.write(dump, stateTargets(next, this.#placesIn(next), desired));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#deps.log.warn({ error: error.message }, "states of servers not handed over");
      await states.discard();
    }
  }
}
