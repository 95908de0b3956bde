import type { Millis } from "../base/units.js";
import type { ApplicationCheck, ApplicationState } from "../observe/application.js";
import { startApplication } from "../supervise/application.js";
import { askAll } from "../supervise/ask.js";
import type { Check } from "../supervise/checks.js";
import type { Condition } from "../supervise/condition.js";
import { Guard } from "../supervise/guard.js";
import { Supervisor, type SupervisorRule } from "../supervise/supervisor.js";
import type { Companion, CompanionHost, CompanionMaker } from "./companion.js";
import { now } from "./driver.js";
import type { Settings } from "./settings.js";
import { stopTime, supervisorRule } from "./supervisor-rule.js";
import { schedule } from "./timers.js";

/** Has an agent run `program` with `args` as long as it runs itself. */
export function supervision(program: string, args: readonly string[]): CompanionMaker {
  return (settings) => new Supervised(settings, program, args);
}

const notBegun: Condition = {
  phase: "waiting",
  pid: null,
  restarts: 0,
  lastEnd: null,
  nextStart: null,
  isReady: false,
  complaint: null,
};

function checkOf(check: Check): ApplicationCheck {
  switch (check.kind) {
    case "tcp":
      return { kind: "tcp", target: `${check.host}:${check.port}` };
    case "http":
      return { kind: "http", target: check.url };
    case "exec":
      return { kind: "exec", target: check.command };
  }
}

/** The application of an agent. */
class Supervised implements Companion {
  readonly stopSignal: NodeJS.Signals;
  readonly #settings: Settings;
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #rule: SupervisorRule;
  readonly #checks: readonly Check[];
  readonly #over: Promise<void>;
  #conclude: () => void = () => {};
  #supervisor: Supervisor | undefined;

  constructor(settings: Settings, program: string, args: readonly string[]) {
    const { checks, rule, stopSignal } = supervisorRule(settings);
    this.stopSignal = stopSignal;
    this.#settings = settings;
    this.#program = program;
    this.#args = args;
    this.#rule = rule;
    this.#checks = checks;
    this.#over = new Promise((resolve) => {
      this.#conclude = resolve;
    });
  }

  get status(): number | undefined {
    return this.#supervisor?.status;
  }

  get state(): ApplicationState {
    return {
      command: [this.#program, ...this.#args],
      folder: process.cwd(),
      restart: this.#rule.restart.kind,
      checks: this.#checks.map(checkOf),
      ...(this.#supervisor?.condition ?? notBegun),
    };
  }

  begin({ ended, environment, log, tell }: CompanionHost): void {
    const guard = new Guard();
    const launch = { program: this.#program, args: this.#args, environment };
    // Whatever ends us, a fault of our own included.
    const killNow = (): void => this.kill();
    process.once("exit", killNow);
    const supervisor = new Supervisor(
      {
        log,
        now,
        after: schedule,
        start: () => startApplication(launch, guard.watch),
        check: () => askAll(this.#checks, this.#settings.checkTimeout, environment),
      },
      this.#rule,
      {
        ready: (isReady) => tell(isReady ? "ready" : "starting"),
        over: () => {
          process.off("exit", killNow);
          guard.end();
          this.#conclude();
          ended();
        },
      },
    );
    this.#supervisor = supervisor;
    supervisor.begin();
  }

  signal(signal: NodeJS.Signals): void {
    this.#supervisor?.signal(signal);
  }

  async end(spent: Millis | undefined): Promise<void> {
    if (this.#supervisor === undefined) return;
    const rest = spent === undefined ? 0 : this.#settings.stopDelay - spent;
    if (rest > 0) await this.#overWithin(rest);
    const time = stopTime(this.#settings, (spent ?? 0) + Math.max(0, rest));
    this.#supervisor.stop(this.stopSignal, time);
    await this.#over;
  }

  async #overWithin(delay: Millis): Promise<void> {
    let cancel = (): void => {};
    const passed = new Promise<void>((resolve) => {
      cancel = schedule(delay, resolve);
    });
    await Promise.race([passed, this.#over]);
    cancel();
  }

  kill(): void {
    this.#supervisor?.kill();
  }
}
