import { OperatorError, reasonOf } from "../base/errors.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import { limited } from "./limited.js";
import type { Desired, Observation } from "./model.js";
import type { Round } from "./round.js";
import type { SyncDeps } from "./sync-deps.js";
import { hashOf } from "./text-hash.js";

/** A text that could not be loaded is not tried again for so long, if nothing else changes. */
const rejectedFor: Millis = seconds(60);

/** ... and if the proxy was away after it, so that it may not have been the text's fault. */
const doubtedFor: Millis = seconds(10);

/** Beyond the limit that the checker has itself. */
const checkSlack: Millis = seconds(5);

/** So many shapes of texts are known to be right; the oldest is forgotten first. */
const maxShapes = 20;

/** The half of a round that is about the file: rendered, checked, replaced, and what is known of it. */
export class FileChange {
  readonly #deps: SyncDeps;
  readonly #enter: (stage: "check" | undefined) => void;
  readonly #shapes = new Set<string>();
  #text: string | undefined;
  /** What we wrote, or found and left as it was. */
  #own: string | undefined;
  #version: string | undefined;
  #confirmed: string | undefined;
  #rejected:
    | { readonly hash: string; readonly until: Instant; readonly reason: string }
    | undefined;
  #checkFailures = 0;

  constructor(deps: SyncDeps, enter: (stage: "check" | undefined) => void) {
    this.#deps = deps;
    this.#enter = enter;
    this.#own = textOf(deps.notes.read("own"));
    this.#version = textOf(deps.notes.read("written"));
  }

  get text(): string | undefined {
    return this.#text;
  }

  get version(): string | undefined {
    return this.#version;
  }

  /** The file was seen to be served as it is. */
  get isConfirmed(): boolean {
    return this.#own === this.#confirmed;
  }

  lastGood(): string | undefined {
    return this.#deps.store.lastGood();
  }

  forgive(): void {
    this.#rejected = undefined;
    this.#shapes.clear();
  }

  async read(): Promise<void> {
    this.#text = await this.#deps.store.read();
  }

  async render(round: Round, desired: Desired, observed: Observation): Promise<string> {
    const { proxy } = this.#deps;
    return await round.phase("render", () => proxy.render(this.#text, desired, observed));
  }

  /** Has `text` on the disk, checked; nothing to do if it is there. Throws, and then it is not. */
  async put(round: Round, desired: Desired, text: string): Promise<void> {
    const { store, config, host } = this.#deps;
    if (text === this.#text) {
      this.#remember(text, desired.version);
      return;
    }
    const hash = hashOf(text);
    if (this.#rejected?.hash === hash && host.now() < this.#rejected.until) {
      throw new OperatorError(this.#rejected.reason);
    }
    const staged = await round.phase("stage", () => store.stage(text));
    try {
      await this.#check(round, staged, text, hash);
    } catch (error) {
      await store.discard().catch(() => {});
      throw error;
    }
    await this.#keepEdited();
    await round.phase("write", () => store.commit());
    round.wrote = true;
    round.did(`wrote ${config.file}`);
    this.#text = text;
    this.#remember(text, desired.version);
  }

  /** A text that somebody else wrote is not loaded unseen. */
  async ensureChecked(round: Round, text: string): Promise<void> {
    const { store, proxy } = this.#deps;
    if (this.#shapes.has(hashOf(proxy.shape(text)))) return;
    const staged = await round.phase("stage", () => store.stage(text));
    try {
      await this.#check(round, staged, text, hashOf(text));
    } finally {
      await store.discard().catch(() => {});
    }
  }

  async #check(round: Round, staged: string, text: string, hash: string): Promise<void> {
    const { proxy, config, counters, host } = this.#deps;
    const shape = hashOf(proxy.shape(text));
    if (this.#shapes.has(shape)) return;
    // What somebody wrote into the file is new to the proxy, although it is on the disk.
    const live = this.lastGood() ?? this.#text;
    this.#enter("check");
    try {
      const limit = 2 * config.checkTimeout + checkSlack;
      await round.phase("check", () =>
        limited(proxy.check(staged, text, live), limit, "the check", host),
      );
    } catch (error) {
      counters.refusals += 1;
      const [first, longest] = config.governor.retry;
      const pause = Math.min(longest, rejectedFor, first * 2 ** this.#checkFailures);
      this.#checkFailures = Math.min(this.#checkFailures + 1, 30);
      this.#rejected = { hash, until: host.now() + pause, reason: reasonOf(error) };
      throw error;
    } finally {
      this.#enter(undefined);
    }
    this.#checkFailures = 0;
    this.#shapes.add(shape);
    const [oldest] = this.#shapes;
    if (this.#shapes.size > maxShapes && oldest !== undefined) this.#shapes.delete(oldest);
  }

  /** A template makes the whole file: what somebody wrote there by hand would be gone. */
  async #keepEdited(): Promise<void> {
    const { config, host, keepEdited } = this.#deps;
    const text = this.#text;
    if (config.template === undefined || text === undefined || hashOf(text) === this.#own) return;
    try {
      const copy = await keepEdited(text);
      host.log.warn({ file: config.file, copy }, "file was edited by hand, a copy is kept");
    } catch (error) {
      const fields = { file: config.file, error: reasonOf(error) };
      host.log.warn(fields, "file was edited by hand, the copy failed");
    }
  }

  /** The proxy serves what is in the file. That no copy can be kept is no reason to fail. */
  async confirm(): Promise<void> {
    const { store, host, config } = this.#deps;
    if (this.#confirmed === this.#own) return;
    try {
      await store.confirm();
      this.#confirmed = this.#own;
    } catch (error) {
      const fields = { balancer: config.name, error: reasonOf(error) };
      host.log.warn(fields, "last good file not kept");
    }
  }

  /** `text` could not be loaded. */
  reject(text: string, reason: string, isProxyThere: boolean): void {
    const { host, proxy } = this.#deps;
    const pause = isProxyThere ? rejectedFor : doubtedFor;
    this.#rejected = { hash: hashOf(text), until: host.now() + pause, reason };
    this.#shapes.delete(hashOf(proxy.shape(text)));
  }

  /** Puts the last good file back. Throws if the disk does not let it. */
  async restore(): Promise<void> {
    const restored = await this.#deps.store.restore();
    if (restored === undefined) throw new OperatorError("there is no earlier file to restore");
    this.#text = restored;
    this.#remember(restored, undefined);
  }

  /** Whether somebody changed what is ours in the file, in one line. */
  async differs(
    desired: Desired,
    observed: Observation,
    isSettled: boolean,
  ): Promise<string | undefined> {
    const { config, host, proxy } = this.#deps;
    const text = this.#text;
    const hash = text === undefined ? undefined : hashOf(text);
    if (this.#own === undefined || hash === this.#own) return undefined;
    if (text === undefined) return "the file is gone";
    if (config.template === undefined && !isSettled) return undefined;
    if (config.template === undefined) {
      const rendered = await proxy.render(text, desired, observed).catch(() => undefined);
      if (rendered === text) {
        host.log.info({ file: config.file }, "lines that are not ours were changed in the file");
        this.#remember(text, this.#version);
        return undefined;
      }
    }
    return "the file was edited by hand";
  }

  #remember(text: string, version: string | undefined): void {
    const { notes } = this.#deps;
    this.#own = hashOf(text);
    this.#version = version;
    notes.write("own", this.#own);
    notes.write("written", version ?? null);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
