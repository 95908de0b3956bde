import { OperatorError } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";
import { Agent } from "./agent.js";
import { type AgentFiles, readAgentFiles } from "./agent-files.js";
import { bannerLines } from "./banner.js";
import type { Companion, CompanionMaker } from "./companion.js";
import { type Config, type Given, loadConfig } from "./config.js";
import { listed } from "./joiner.js";
import { Logs } from "./logs.js";
import { type AgentPlan, planAgent } from "./plan.js";
import type { Settings } from "./settings.js";
import { type AgentSignal, onPassedSignals, onSignals, reactionTo, signalName } from "./signals.js";
import type { Syslog } from "./syslog.js";
import { within } from "./within.js";

/** A leave that takes longer is cut off. */
const leaveLimit: Millis = seconds(3);

/** Nobody types a second ctrl-C so soon. */
const echoTime: Millis = 50;

/** So long a join may end before a leave: a seed that is silent would keep us for much longer. */
const joinGrace: Millis = seconds(1);

/** An application that ends so soon after a signal is taken to have ended by it. */
const blameTime: Millis = seconds(10);

/** What some applications are told to end by, while others take it for something else. */
const stopsSome: ReadonlySet<NodeJS.Signals> = new Set(["SIGQUIT", "SIGUSR1", "SIGUSR2"]);

/** The process as the agent sees it. */
export interface AgentTerminal {
  /** The name under which the program was called. */
  readonly program: string;
  /** Writes `text` to stdout as it is. */
  out(text: string): void;
  /** Writes `text` to stderr as it is. */
  err(text: string): void;
}

/**
 * Runs an agent until it is told to end, or the companion that it has by `make` has ended; resolves with
 * the exit code.
 */
export async function runAgent(
  given: Given,
  terminal: AgentTerminal,
  make?: CompanionMaker,
): Promise<number> {
  const run = new AgentRun(given, terminal, make);
  const ignoreSignals = onSignals((signal) => run.handle(signal));
  const ignoreOthers =
    make === undefined ? onDump(run, terminal) : onPassedSignals((signal) => run.passOn(signal));
  const code = await run.toTheEnd();
  ignoreOthers();
  ignoreSignals();
  return code;
}

function onDump(run: AgentRun, terminal: AgentTerminal): () => void {
  // Without a listener Node would open a debugger port.
  const dump = (): void => terminal.err(run.dumpMetrics());
  process.on("SIGUSR1", dump);
  return () => process.off("SIGUSR1", dump);
}

/** One agent from its start to its end, and what the operator sees of it (compat.md sections 5, 14, 15). */
class AgentRun {
  readonly #given: Given;
  readonly #terminal: AgentTerminal;
  readonly #title: string;
  readonly #makeCompanion: CompanionMaker | undefined;
  readonly #ended: Promise<number>;
  #end: (code: number) => void = () => {};
  #isOver = false;
  #interruptedAt = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  #passedOn: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  #logs: Logs | undefined;
  #agent: Agent | undefined;
  #companion: Companion | undefined;
  #joining: Promise<unknown> = Promise.resolve();
  #syslog: Syslog | undefined;

  constructor(given: Given, terminal: AgentTerminal, make: CompanionMaker | undefined) {
    this.#given = given;
    this.#makeCompanion = make;
    this.#terminal = terminal;
    const { program } = terminal;
    this.#title = program.slice(0, 1).toUpperCase() + program.slice(1);
    this.#ended = new Promise((resolve) => {
      this.#end = (code) => {
        this.#isOver = true;
        resolve(code);
      };
    });
  }

  async toTheEnd(): Promise<number> {
    this.#start().catch((thrown: unknown) => {
      if (!(thrown instanceof OperatorError)) throw thrown;
      this.#say(thrown.message);
      if (!this.#isLeaving) this.#end(1);
    });
    const code = await this.#ended;
    // Where there is a leave it has ended before.
    await this.#companion?.end(undefined);
    await this.#agent?.stop();
    this.#syslog?.close();
    return this.#isLeaving || code === 0 ? (this.#companion?.status ?? code) : code;
  }

  handle(signal: AgentSignal): void {
    if (signal === "SIGINT" && this.#isEcho()) return;
    this.#say(`Caught signal: ${signalName(signal)}`);
    const agent = this.#agent;
    if (agent === undefined) {
      this.#end(1);
      return;
    }
    // The start may still be under way, and what comes now belongs to the log.
    this.#logs?.open();
    const reaction = reactionTo(signal, agent.settings);
    if (reaction === "reload") this.#reload(agent);
    // Whoever sends a second signal does not want to wait for whatever we wait for.
    else if (this.#isOver) process.exit(1);
    else if (this.#isLeaving) this.#hurry();
    else if (reaction === "stop") this.#stop();
    else this.#leave(agent);
  }

  /** A ctrl-C is for all before a terminal, and an init there passes it on to us once more. */
  #isEcho(): boolean {
    const last = this.#interruptedAt;
    this.#interruptedAt = performance.now();
    return this.#interruptedAt - last < echoTime;
  }

  /** A signal for the companion, unless it is what ends that. */
  passOn(signal: NodeJS.Signals): void {
    const companion = this.#companion;
    if (companion === undefined) return;
    if (signal !== companion.stopSignal) {
      companion.signal(signal);
      if (stopsSome.has(signal)) this.#passedOn = { signal, at: performance.now() };
    } else if (signal !== "SIGHUP") this.handle("SIGTERM");
  }

  /** Empty before the agent runs. */
  dumpMetrics(): string {
    return this.#agent?.dumpMetrics() ?? "";
  }

  async #start(): Promise<void> {
    const config = loadConfig(this.#given);
    for (const warning of config.warnings) this.#say(warning);
    const logs = new Logs(config.settings.logLevel, (text) => this.#terminal.out(text));
    if (config.settings.enableSyslog) await this.#openSyslog(config.settings, logs);
    const companion = this.#makeCompanion?.(config.settings);
    const plan = await planAgent(config);
    if (this.#isOver) return;
    this.#logs = logs;
    for (const notice of plan.notices) this.#say(notice);
    this.#say(`Starting ${this.#title} agent...`);
    const files = this.#readFiles(config);
    const agent = await this.#startAgent(plan, files, logs, companion);
    if (this.#isOver) return;
    await agent.startRpc();
    if (this.#isOver) return;
    this.#say(`Starting ${this.#title} agent RPC...`);
    await agent.startHttp();
    if (this.#isOver) return;
    await agent.startDiscovery();
    if (this.#isOver) return;
    this.#say(`${this.#title} agent running!`);
    for (const line of bannerLines(agent)) this.#tell(line);
    // Told to end before it runs: then it need not.
    if (!this.#isLeaving && !agent.isLeaving) {
      this.#companion = companion;
      agent.startCompanion(() => this.#companionEnded(agent));
    }
    const joining = this.#joinAtStart(agent);
    this.#joining = joining;
    const joined = await joining;
    // Whoever told us to end meanwhile has the last word.
    if (this.#isLeaving || this.#isOver) return;
    if (!joined) {
      logs.open();
      this.#end(1);
      return;
    }
    this.#tell("");
    this.#say("Log data will now stream in as it occurs:");
    this.#tell("");
    logs.open();
    agent.startRetryJoin();
  }

  async #openSyslog({ syslogFacility }: Settings, logs: Logs): Promise<void> {
    const { Syslog } = await import("./syslog.js");
    const syslog = await Syslog.open(syslogFacility);
    logs.copyTo((level, text) => syslog.write(level, text));
    this.#syslog = syslog;
  }

  #readFiles({ settings }: Config): AgentFiles {
    try {
      return readAgentFiles(settings);
    } catch (error) {
      throw this.#explained("setup", error);
    }
  }

  async #startAgent(
    plan: AgentPlan,
    files: AgentFiles,
    logs: Logs,
    companion: Companion | undefined,
  ): Promise<Agent> {
    const title = this.#title;
    const exit = (code: number): void => {
      logs.open();
      this.#end(code);
    };
    try {
      const agent = await Agent.start({ plan, files, logs, title, exit, companion });
      this.#agent = agent;
      // A signal that came before there was an agent had nothing to stop.
      if (this.#isOver) await agent.stop();
      return agent;
    } catch (error) {
      throw this.#explained("start", error);
    }
  }

  #explained(what: string, error: unknown): unknown {
    if (!(error instanceof OperatorError)) return error;
    const message = `Failed to ${what} the ${this.#title} agent: ${error.message}`;
    return new OperatorError(message, { cause: error });
  }

  /** False if there was somebody to join and nobody answered. */
  async #joinAtStart(agent: Agent): Promise<boolean> {
    const { startJoin, replayOnJoin } = agent.settings;
    if (startJoin.length === 0) return true;
    this.#say(`Joining cluster...(replay: ${replayOnJoin})`);
    const { contacted, failures } = await agent.startJoin();
    if (contacted === 0) this.#say(listed(failures));
    else this.#tell(`Join completed. Synced with ${contacted} initial agents`);
    return contacted > 0;
  }

  #leave(agent: Agent): void {
    this.#isLeaving = true;
    this.#say("Gracefully shutting down agent...");
    const began = performance.now();
    // These have limits of their own.
    const drained = agent.drain();
    const companion = this.#companion;
    if (drained === undefined && companion === undefined) this.#depart(agent);
    else {
      void Promise.resolve(drained)
        .then(() => companion?.end(performance.now() - began))
        .then(() => this.#depart(agent));
    }
  }

  #depart(agent: Agent, atOnce = false): void {
    // Nothing waits for it when a second signal has ended the leave before.
    const limit = setTimeout(() => this.#end(1), leaveLimit).unref();
    void agent.leave(atOnce).then(() => {
      clearTimeout(limit);
      this.#end(0);
    });
  }

  /** Told to end, without a word to the others. */
  #stop(): void {
    // Its status is what counts then.
    this.#end(this.#companion === undefined ? 1 : 0);
  }

  /** Told to end once more. */
  #hurry(): void {
    this.#companion?.kill();
    this.#end(1);
  }

  /** Nobody serves here any more, so all should know at once; nothing is left to be drained. */
  #companionEnded(agent: Agent): void {
    if (this.#isLeaving || this.#isOver || agent.isLeaving) return;
    this.#isLeaving = true;
    this.#logs?.open();
    this.#say("The application has ended, leaving...");
    this.#blameSignal();
    // Whom we are just joining would hear of us after the leave, and see us fail.
    void within(joinGrace, this.#joining).then(() => this.#depart(agent, true));
  }

  /** Images of nginx, HAProxy and others are stopped by a signal that means something else elsewhere. */
  #blameSignal(): void {
    const passed = this.#passedOn;
    if (passed === undefined || performance.now() - passed.at > blameTime) return;
    const { signal } = passed;
    this.#say(
      `Warning: it ended after ${signal}, which is passed on to it: no load balancer was told before. If that is how it is stopped (STOPSIGNAL of its image), give -stop-signal ${signal.slice(3)}`,
    );
  }

  #reload(agent: Agent): void {
    this.#say("Reloading configuration...");
    try {
      const config = loadConfig(this.#given);
      for (const warning of config.warnings) this.#say(warning);
      const fault = agent.reload(config);
      if (fault !== undefined) this.#say(fault);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#say(error.message);
      this.#say("Failed to reload configs");
    }
  }

  #say(text: string): void {
    this.#terminal.out(`==> ${text}\n`);
  }

  #tell(text: string): void {
    this.#terminal.out(text === "" ? "\n" : `    ${text}\n`);
  }
}
