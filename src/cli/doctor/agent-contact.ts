import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings } from "../../examine/finding.js";
import type { ApplicationState } from "../../observe/application.js";
import type { HandlerState } from "../../observe/handler-run.js";
import type { Setup } from "../../observe/setup.js";
import type { TopicName, Topics } from "../../observe/topics.js";
import type { RpcMember, Stats } from "../../rpc/api.js";
import { RpcClient, UnknownTopicError } from "../../rpc/client.js";
import type { Examination } from "./examination.js";
import type { AgentPlan } from "./plan.js";

/** What the agent says, and what follows from it. */
export interface Known {
  readonly agent: RpcClient | undefined;
  readonly self: string;
  readonly members: readonly RpcMember[];
  readonly stats: Stats;
  /** undefined: there is no agent, or it is one of Serf's. */
  readonly setup: Setup | undefined;
  readonly runs: readonly HandlerState[] | undefined;
  /** What the agent runs. */
  readonly application: ApplicationState | undefined;
}

const nothingKnown: Omit<Known, "agent"> = {
  self: "",
  members: [],
  stats: new Map(),
  setup: undefined,
  runs: undefined,
  application: undefined,
};

export interface Reaching {
  readonly known: Known;
  readonly findings: readonly Finding[];
}

export const defaultRpc = { host: "127.0.0.1", port: 7_373 };

export function agentTarget({ env, plan }: Examination): { host: string; port: number } {
  return plan.rpc ?? targetOf(env.SERF_RPC_ADDR) ?? defaultRpc;
}

export async function reachAgent(examination: Examination): Promise<Reaching> {
  const { env, plan, proxyConfigs, services } = examination;
  const target = agentTarget(examination);
  // Whoever asks for services alone may well have no agent.
  const isOptional = plan.isGiven || (services.length > 0 && proxyConfigs.length === 0);
  const where = `${target.host}:${target.port}`;
  const findings = new Findings("agent", `agent at ${where}`);
  const authKey = plan.rpcAuth ?? env.SERF_RPC_AUTH ?? "";
  let agent: RpcClient;
  try {
    agent = await RpcClient.connect({ ...target, authKey });
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    explainUnreached(thrown.message, isOptional, findings);
    return { known: { agent: undefined, ...nothingKnown }, findings: findings.all };
  }
  try {
    const [members, stats] = await Promise.all([agent.members(), agent.stats()]);
    const setup = await setupOf({ ...target, authKey });
    // An agent of Serf's takes what follows a command that it does not know for another one.
    const runs =
      setup === undefined ? undefined : (await askIfKnown(agent, "handlers", {}))?.handlers;
    const own = setup === undefined ? undefined : await askIfKnown(agent, "application", {});
    const self = stats.get("agent")?.get("name") ?? "";
    findings.ok(
      `it runs, as member ${self}${setup === undefined ? " (one of Serf's, or an older gossipd)" : ""}`,
    );
    const application = own?.application ?? undefined;
    const known = { agent, self, members, stats, setup, runs, application };
    return {
      known,
      findings: [...findings.all, ...healthFindings(known), ...changedFindings(plan, setup)],
    };
  } catch (thrown) {
    agent.close();
    if (!(thrown instanceof OperatorError)) throw thrown;
    explainUnreached(thrown.message, isOptional, findings);
    return { known: { agent: undefined, ...nothingKnown }, findings: findings.all };
  }
}

function explainUnreached(message: string, isOptional: boolean, findings: Findings): void {
  if (/auth/i.test(message)) {
    findings.fail(`it refuses us: ${message}`, {
      cause: "it was started with rpc_auth",
      remedy: ["give its token: -rpc-auth TOKEN, or SERF_RPC_AUTH"],
    });
  } else if (isOptional) {
    findings.warn(`it is not running: ${message}`, {
      remedy: ["start it: gossipd agent, with the same flags"],
    });
  } else {
    findings.fail(`it is not running: ${message}`, {
      cause: "without an agent nobody hears of joins and failures, and no handler is run",
      remedy: [
        "gossipd agent -config-file FILE, or say where it takes commands: -rpc-addr HOST:PORT",
      ],
    });
  }
}

/** Asked on a connection of its own, since one with an agent of Serf's is of no use afterwards. */
async function setupOf(
  target: Parameters<typeof RpcClient.connect>[0],
): Promise<Setup | undefined> {
  const agent = await RpcClient.connect(target);
  try {
    return await askIfKnown(agent, "setup", {});
  } finally {
    agent.close();
  }
}

async function askIfKnown<Name extends TopicName>(
  agent: RpcClient,
  topic: Name,
  ask: Topics[Name]["ask"],
): Promise<Topics[Name]["answer"] | undefined> {
  try {
    return await agent.ask(topic, ask);
  } catch (thrown) {
    const isOlder = thrown instanceof OperatorError && /knows no topic/.test(thrown.message);
    if (!(thrown instanceof UnknownTopicError) && !isOlder) throw thrown;
    return undefined;
  }
}

function targetOf(address: string | undefined): { host: string; port: number } | undefined {
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(address ?? "") ?? [];
  return port === undefined ? undefined : { host: v6 ?? (host || "127.0.0.1"), port: Number(port) };
}

function healthFindings({ stats }: Known): readonly Finding[] {
  const findings = new Findings("agent", "health of the agent");
  const score = Number(stats.get("serf")?.get("health_score") ?? 0);
  if (score === 0) findings.ok("it hears from the others in time");
  else {
    findings.warn(`it trusts itself less (score ${score} of 8): answers to its pings come late`, {
      cause: "the machine or its network is overloaded, or the process was paused",
      remedy: ["gossipd info, and: top"],
    });
  }
  return findings.all;
}

/** The files may say something else by now than what the agent was started with. */
function changedFindings(plan: AgentPlan, setup: Setup | undefined): readonly Finding[] {
  if (!plan.isGiven || setup === undefined || plan.handlerTexts.length === 0) return [];
  const findings = new Findings("restart", "handlers of the running agent");
  const running = new Set(setup.handlers);
  const missing = plan.handlerTexts.filter((text) => !running.has(text));
  if (missing.length === 0) findings.ok("are those of the configuration");
  else {
    findings.fail(`it runs without: ${missing.join("; ")}`, {
      cause: "the configuration was changed after its start",
      remedy: [`kill -HUP ${setup.pid}`],
    });
  }
  return findings.all;
}
