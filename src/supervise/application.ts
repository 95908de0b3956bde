import { type ChildProcess, spawn } from "node:child_process";
import { longestTimer, type Millis, seconds } from "../base/units.js";
import { type Ending, notStarted } from "./ending.js";
import type { Launch } from "./launch.js";
import { signalGroup } from "./process-group.js";

/** One life of the application, from its start until nothing of it is left. */
export interface Application {
  /** undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Resolves once it runs; never if it cannot be started. */
  readonly started: Promise<void>;
  /** Resolves if it has ended itself while others of its process group are left, which are being ended then. */
  readonly outlived: Promise<void>;
  /** Resolves when it and all that stayed in its process group are gone. Never rejects. */
  readonly ended: Promise<Ending>;
  /** Sends a signal to the application itself. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal to its whole group, and SIGKILL to what is left after `grace`. */
  stop(signal: NodeJS.Signals, grace: Millis): void;
  /** Sends SIGKILL to its whole group. */
  kill(): void;
}

/** How long what an application leaves behind has to end, once it has ended itself. */
const remnantGrace: Millis = seconds(2);

/** How often is looked whether a group is gone: nobody tells. */
const groupInterval: Millis = 20;

/** Called with each process group that begins, and with 0 when it is gone. */
export type GroupWatcher = (group: number) => void;

/**
 * Starts the application with our own standard input, output and error. It leads a session and process
 * group of its own: a signal reaches all it started, and a ctrl-C meant for us reaches none of it.
 */
export function startApplication(launch: Launch, watch: GroupWatcher): Application {
  return new ProcessApplication(launch, watch);
}

class ProcessApplication implements Application {
  readonly started: Promise<void>;
  readonly outlived: Promise<void>;
  readonly ended: Promise<Ending>;
  readonly #watch: GroupWatcher;
  #limit: NodeJS.Timeout | undefined;
  #child: ChildProcess | undefined;
  #resolve: (ending: Ending) => void = () => {};
  #tellOutlived: () => void = () => {};
  #isStopping = false;
  #killedAt = Number.POSITIVE_INFINITY;

  constructor(launch: Launch, watch: GroupWatcher) {
    this.#watch = watch;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.outlived = new Promise((resolve) => {
      this.#tellOutlived = resolve;
    });
    this.started = this.#start(launch);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  stop(signal: NodeJS.Signals, grace: Millis): void {
    const group = this.#child?.pid;
    if (group === undefined || this.#isStopping) return;
    this.#isStopping = true;
    signalGroup(group, signal);
    // One that was suspended hears nothing else.
    signalGroup(group, "SIGCONT");
    this.#limit = setTimeout(() => this.kill(), Math.min(grace, longestTimer));
  }

  kill(): void {
    const group = this.#child?.pid;
    if (group === undefined) return;
    signalGroup(group, "SIGKILL");
    this.#killedAt = Math.min(this.#killedAt, performance.now());
  }

  #start({ args, environment, program }: Launch): Promise<void> {
    const fail = (thrown: unknown): void =>
      this.#conclude(notStarted(program, environment, thrown));
    let child: ChildProcess;
    try {
      child = spawn(program, args, { env: environment, stdio: "inherit", detached: true });
    } catch (thrown) {
      // What execve or Node itself refuse: a NUL in an argument, too long a command line.
      fail(thrown);
      return new Promise(() => {});
    }
    if (child.pid === undefined) {
      child.once("error", fail);
      return new Promise(() => {});
    }
    const group = child.pid;
    this.#child = child;
    this.#watch(group);
    child.on("error", () => {});
    child.once("exit", (status, signal) => {
      const ending: Ending =
        signal === null ? { kind: "exited", status: status ?? 1 } : { kind: "signalled", signal };
      this.#endRemnants(group, ending);
    });
    return new Promise((resolve) => child.once("spawn", resolve));
  }

  /** Workers that outlive their master hold ports that a restart needs. */
  #endRemnants(group: number, ending: Ending): void {
    if (signalGroup(group, 0)) {
      this.#tellOutlived();
      this.stop("SIGTERM", remnantGrace);
    }
    const look = (): void => {
      // What nobody reaps stays in its group for ever.
      const isHopeless = performance.now() - this.#killedAt > remnantGrace;
      if (signalGroup(group, 0) && !isHopeless) setTimeout(look, groupInterval);
      else this.#conclude(ending);
    };
    look();
  }

  #conclude(ending: Ending): void {
    clearTimeout(this.#limit);
    this.#child = undefined;
    this.#watch(0);
    this.#resolve(ending);
  }
}
