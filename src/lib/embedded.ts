import { Agent } from "../agent/agent.js";
import { readAgentFiles } from "../agent/agent-files.js";
import { configOf } from "../agent/config.js";
import { Logs } from "../agent/logs.js";
import { planAgent } from "../agent/plan.js";
import { OperatorError } from "../base/errors.js";
import type { AgentOptions } from "./agent-options.js";
import { optionLayer } from "./option-layer.js";

/** What the agent tells the program that started it. */
export interface AgentHost {
  /** The agent is there; what it is asked from now on it answers, though the start goes on. */
  readonly began: (agent: Agent) => void;
  /** Stops it, unless that has happened; resolves when it is stopped. */
  readonly end: (reason: string) => Promise<void>;
  /** Throws {@link OperatorError} once it is to stop. */
  readonly check: () => void;
}

/**
 * Starts an agent in this process, step by step as the command does, without what belongs to a
 * process: banner, signals, exit code. Rejects with {@link OperatorError}; nothing is left open then.
 */
export async function startEmbedded(options: AgentOptions, host: AgentHost): Promise<Agent> {
  const config = configOf(optionLayer(options));
  const { settings } = config;
  const logs = new Logs(settings.logLevel, lineSink(options.log));
  const plan = await planAgent(config);
  const files = readAgentFiles(settings);
  logs.open();
  for (const warning of config.warnings) logs.of("agent").warn({}, warning);
  for (const notice of plan.notices) logs.of("agent").info({}, notice);
  const exit = (_code: number, reason: string): void => void host.end(reason);
  const agent = await Agent.start({ plan, files, logs, title: "Gossipd", exit });
  try {
    host.began(agent);
    // Before there are RPC clients, who could make it leave while this waits.
    await agent.startDiscovery();
    if ((options.rpcAddr ?? "") !== "") await agent.startRpc();
    await agent.startHttp();
    await joinAtStart(agent);
    // An RPC client may have made it leave meanwhile.
    host.check();
    agent.startRetryJoin();
    return agent;
  } catch (error) {
    await host.end("the start failed");
    throw error;
  }
}

/** A line comes indented and with its newline. */
function lineSink(log: AgentOptions["log"]): (text: string) => void {
  return log === undefined ? () => {} : (text) => log(text.trim());
}

async function joinAtStart(agent: Agent): Promise<void> {
  if (agent.settings.startJoin.length === 0) return;
  const { contacted, failures } = await agent.startJoin();
  if (contacted === 0) throw new OperatorError(`none could be joined: ${failures.join("; ")}`);
}
