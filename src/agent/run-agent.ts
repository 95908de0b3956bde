import { OperatorError } from "../base/errors.js";
import { type Millis, seconds } from "../base/units.js";
import { Agent } from "./agent.js";
import { type AgentFiles, readAgentFiles } from "./agent-files.js";
import { bannerLines } from "./banner.js";
import { type Config, type Given, loadConfig } from "./config.js";
import { listed } from "./joiner.js";
import { Logs } from "./logs.js";
import { type AgentPlan, planAgent } from "./plan.js";
import type { Settings } from "./settings.js";
import { type AgentSignal, onSignals, reactionTo, signalName } from "./signals.js";
import type { Syslog } from "./syslog.js";

/** A leave that takes longer is cut off. */
const leaveLimit: Millis = seconds(3);

/** The process as the agent sees it. */
export interface AgentTerminal {
  /** The name under which the program was called. */
  readonly program: string;
  /** Writes `text` to stdout as it is. */
  out(text: string): void;
  /** Writes `text` to stderr as it is. */
  err(text: string): void;
}

/** Runs an agent until it is told to end; resolves with the exit code. */
export async function runAgent(given: Given, terminal: AgentTerminal): Promise<number> {
  const run = new AgentRun(given, terminal);
  const ignoreSignals = onSignals((signal) => run.handle(signal));
  // Without a listener Node would open a debugger port.
  const dump = (): void => terminal.err(run.dumpMetrics());
  process.on("SIGUSR1", dump);
  const code = await run.toTheEnd();
  process.off("SIGUSR1", dump);
  ignoreSignals();
  return code;
}

/** One agent from its start to its end, and what the operator sees of it (compat.md sections 5, 14, 15). */
class AgentRun {
  readonly #given: Given;
  readonly #terminal: AgentTerminal;
  readonly #title: string;
  readonly #ended: Promise<number>;
  #end: (code: number) => void = () => {};
  #isOver = false;
  #isLeaving = false;
  #logs: Logs | undefined;
  #agent: Agent | undefined;
  #syslog: Syslog | undefined;

  constructor(given: Given, terminal: AgentTerminal) {
    this.#given = given;
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
    await this.#agent?.stop();
    this.#syslog?.close();
    return code;
  }

  handle(signal: AgentSignal): void {
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
    else if (reaction === "stop" || this.#isLeaving) this.#end(1);
    else this.#leave(agent);
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
    const plan = await planAgent(config);
    if (this.#isOver) return;
    this.#logs = logs;
    for (const notice of plan.notices) this.#say(notice);
    this.#say(`Starting ${this.#title} agent...`);
    const files = this.#readFiles(config);
    const agent = await this.#startAgent(plan, files, logs);
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
    const joined = await this.#joinAtStart(agent);
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

  async #startAgent(plan: AgentPlan, files: AgentFiles, logs: Logs): Promise<Agent> {
    const title = this.#title;
    const exit = (code: number): void => {
      logs.open();
      this.#end(code);
    };
    try {
      const agent = await Agent.start({ plan, files, logs, title, exit });
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
    // That has a limit of its own.
    const drained = agent.drain();
    if (drained === undefined) this.#depart(agent);
    else void drained.then(() => this.#depart(agent));
  }

  #depart(agent: Agent): void {
    // Nothing waits for it when a second signal has ended the leave before.
    const limit = setTimeout(() => this.#end(1), leaveLimit).unref();
    void agent.leave().then(() => {
      clearTimeout(limit);
      this.#end(0);
    });
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
