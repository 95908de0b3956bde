import type { Log } from "../base/log.js";
import type { Millis } from "../base/units.js";
import type { ApplicationState } from "../observe/application.js";
import type { Settings } from "./settings.js";

/** What {@link Companion}s reach of their agent. */
export interface CompanionHost {
  readonly log: Log;
  /** What it may hand down of its own environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What our member says of itself to balancers, unless the operator or a drain says something else. */
  tell(state: "starting" | "ready"): void;
  /** It has ended, by itself or because it was told to. */
  ended(): void;
}

/** What an agent begins and ends with: the application of the command `run`. */
export interface Companion {
  /** Once the agent is there. */
  begin(host: CompanionHost): void;
  /** A signal that is not the agent's. */
  signal(signal: NodeJS.Signals): void;
  /**
   * Ends it, `spent` after the member said that it goes, undefined if it did not; resolves when it is gone.
   * Later calls wait for the first.
   */
  end(spent: Millis | undefined): Promise<void>;
  /** Ends it now. */
  kill(): void;
  /** How it fares. */
  readonly state: ApplicationState;
  /** undefined unless it ran and has ended. */
  readonly status: number | undefined;
  /** What tells agent and application to end, besides SIGTERM and SIGINT. */
  readonly stopSignal: NodeJS.Signals;
}

/** Throws OperatorError if the settings are none for it. */
export type CompanionMaker = (settings: Settings) => Companion;
