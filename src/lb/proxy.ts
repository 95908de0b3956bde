import type { Log } from "../base/log.js";
import type { Instant } from "../base/units.js";
import type { Desired, Observation, Plan, Step } from "./model.js";

/**
 * One kind of proxy behind one configuration file: all in which HAProxy, nginx and others differ.
 *
 * It keeps no opinion of what was done: each round asks the proxy what it serves, and plans from that.
 * So "nothing to do" after a round is the confirmation, and whatever was lost is found.
 */
export interface Proxy {
  /** Asks the proxy what it serves. That it cannot be asked is an answer, never an exception. */
  observe(): Promise<Observation>;

  /**
   * The whole new text of the file: what a cold start should load. `current` is the text on disk,
   * undefined if there is no file. Throws OperatorError: no markers, a template that fails, a value
   * that must not be there.
   */
  render(current: string | undefined, desired: Desired, observed: Observation): Promise<string>;

  /**
   * The text without what members may change in it by values that are known to be right. Texts of one
   * shape are checked only once, since the checker takes longer than the change.
   */
  shape(text: string): string;

  /**
   * Has the proxy's own checker look at the staged file, and tries what the checker does not: that new
   * addresses can be bound. `live` is the text on disk now. Throws OperatorError with the checker's words.
   */
  check(staged: string, text: string, live: string | undefined): Promise<void>;

  /** How to get from `observed` to `desired`; `text` is what the file should hold. Does nothing yet. */
  plan(now: Instant, desired: Desired, text: string, observed: Observation): Plan;

  /** Carries steps out, in their order. Throws OperatorError when the proxy refuses or cannot be reached. */
  perform(steps: readonly Step[]): Promise<void>;

  /**
   * Has the proxy load the file without losing a connection, and makes sure that it did: by its
   * processes, not by an exit status. Throws OperatorError if it still serves the old one.
   */
  reload(desired: Desired, text: string): Promise<void>;
}

/** What lasts beyond the process, for a proxy's notes; lost notes cost at most a needless reload. */
export interface Notes {
  /** What was written last under `key`, or undefined. */
  read(key: string): unknown;
  /** `value` must be JSON. Never throws. */
  write(key: string, value: unknown): void;
}

/** What every kind of proxy is opened with. */
export interface ProxyDeps {
  readonly log: Log;
  now(): Instant;
  readonly notes: Notes;
}
