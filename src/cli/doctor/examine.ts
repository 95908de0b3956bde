import { basename } from "node:path";
import { formatIp } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import type { LbConfig } from "../../lb/config.js";
import { readLbConfig } from "../../lb/config-file.js";
import { guessKind } from "../../lb/proxy-kind.js";
import type { LbStatus } from "../../lb/status.js";
import type { HandlerState } from "../../observe/handler-run.js";
import type { Setup } from "../../observe/setup.js";
import type { TopicName, Topics } from "../../observe/topics.js";
import type { RpcMember, Stats } from "../../rpc/api.js";
import { RpcClient, UnknownTopicError } from "../../rpc/client.js";
import { readStatus, statusFileIn } from "../lb/status-file.js";
import { lbMember } from "../lb/view.js";
import { examineBalancers } from "./balancers.js";
import { examineCluster } from "./cluster.js";
import { type Finding, Findings, shellWord } from "./finding.js";
import { examineRuns } from "./handler-runs.js";
import { examineHandler, type HandlerSetup } from "./handlers.js";
import { examineHaproxy } from "./haproxy.js";
import { examineKeepalived } from "./keepalived.js";
import { examineKept } from "./kept-by-handler.js";
import { examineNginx } from "./nginx.js";
import { Peers } from "./peers.js";
import type { AgentPlan } from "./plan.js";
import { examinePorts } from "./ports.js";
import { systemFolders } from "./programs.js";
import type { Diagnosis } from "./report.js";
import { examineSeeds } from "./seeds.js";
import type { ServerDeps } from "./servers.js";
import { examineService } from "./service.js";

export interface Examination {
  readonly plan: AgentPlan;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly proxyConfigs: readonly string[];
  readonly keepalived: string | undefined;
  readonly services: readonly string[];
  readonly tries: boolean;
  readonly timeout: number;
}

/** What the agent says, and what follows from it. */
interface Known {
  readonly agent: RpcClient | undefined;
  readonly self: string;
  readonly members: readonly RpcMember[];
  readonly stats: Stats;
  /** undefined: there is no agent, or it is one of Serf's. */
  readonly setup: Setup | undefined;
  readonly runs: readonly HandlerState[] | undefined;
}

const nothingKnown: Omit<Known, "agent"> = {
  self: "",
  members: [],
  stats: new Map(),
  setup: undefined,
  runs: undefined,
};

type Part = readonly [title: string, findings: Promise<readonly Finding[]>];

/** Looks at everything that there is to be looked at. */
export async function examine(examination: Examination): Promise<Diagnosis> {
  const reaching = await reachAgent(examination);
  const { known } = reaching;
  try {
    return await gather(partsOf(examination, reaching), examination.timeout);
  } finally {
    known.agent?.close();
  }
}

/** What comes of the parts until the time is over. */
async function gather(parts: readonly Part[], timeout: number): Promise<Diagnosis> {
  const findings: Finding[] = [];
  const open = new Set(parts.map(([title]) => title));
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeout);
  });
  const all = parts.map(async ([title, part]) => {
    const found = await orCutOff(title, part);
    if (!open.delete(title)) return;
    findings.push(...found);
  });
  await Promise.race([Promise.all(all), end]);
  clearTimeout(timer);
  const cutOff = [...open];
  open.clear();
  return { findings: [...findings], cutOff };
}

/** That the agent goes away meanwhile ends one part, not all. */
async function orCutOff(
  title: string,
  part: Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await part;
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    const findings = new Findings("agent", title);
    findings.fail(`could not be looked at: ${thrown.message}`);
    return findings.all;
  }
}

function partsOf(examination: Examination, reaching: Reaching): readonly Part[] {
  const { keepalived, plan, services, tries } = examination;
  const { findings, known } = reaching;
  const path = pathOf(examination, known);
  const folder = known.setup?.folder ?? examination.folder;
  const handlers = handlersOf(plan, known);
  const deps = serverDeps(plan, known);
  const parts: Part[] = [
    ["the configuration", Promise.resolve(configFindings(plan))],
    ["the agent", Promise.resolve(findings)],
    ...services.map(
      (command): Part => [
        `service ${command}`,
        examineService({
          command,
          path: examination.env.PATH ?? systemFolders,
          folder: examination.folder,
          tries,
        }),
      ],
    ),
    ...handlers.map(
      (handler): Part => [`handler ${handler.script}`, examineHandler(handler, { folder, path })],
    ),
  ];
  if (known.runs !== undefined) {
    const now = Date.now();
    parts.push([
      "runs of handlers",
      Promise.resolve(known.runs.flatMap((one) => examineRuns(one, now))),
    ]);
  }
  if (known.agent === undefined && plan.isGiven) parts.push(...portParts(plan));
  const seeds = plan.seeds.length > 0 ? plan.seeds : [];
  if (seeds.length > 0) {
    parts.push([
      "members to join",
      examineSeeds(seeds, {
        resolve: (seed) => plan.resolveSeed(seed),
        probe: (address, plain) => plan.probe(address, plain),
        encrypted: plan.encrypted,
      }),
    ]);
  }
  if (known.agent !== undefined) {
    const { agent, members, self } = known;
    const encrypted = known.stats.get("serf")?.get("encrypted") === "true";
    const told = known.setup?.seeds ?? plan.seeds;
    parts.push([
      "the cluster",
      examineCluster({
        agent,
        self,
        members,
        peers: new Peers(agent, self),
        encrypted,
        seeds: told,
      }),
    ]);
  }
  parts.push(...proxyParts(examination, known, handlers, deps, path));
  if (keepalived !== undefined) parts.push(["keepalived", examineKeepalived(keepalived, path)]);
  return parts;
}

/** Of those who run handlers and checkers: the agent, if there is one. */
function pathOf({ env }: Examination, { setup }: Known): string {
  return setup?.environment.PATH ?? env.PATH ?? systemFolders;
}

/** Those of the running agent, or else those that it would have. */
function handlersOf(plan: AgentPlan, { runs, setup, stats }: Known): readonly HandlerSetup[] {
  if (runs !== undefined) return runs;
  if (setup !== undefined) return plan.parseHandlers(setup.handlers);
  if (plan.handlers.length > 0) return plan.handlers;
  const listed = stats.get("event_handlers") ?? new Map<string, string>();
  return [...listed].map(([filter, script]) => ({ filters: [filter.replace(/:$/, "")], script }));
}

function serverDeps(plan: AgentPlan, { agent, members, self, setup }: Known): ServerDeps {
  const peers = agent === undefined ? undefined : new Peers(agent, self);
  const ports = [setup?.bound ?? "", setup?.rpc ?? ""].map((one) =>
    Number(/:(\d+)$/.exec(one)?.[1]),
  );
  const own = [7_946, 7_373, plan.gossip?.port ?? 0, plan.rpc?.port ?? 0, ...ports];
  return {
    ownPorts: new Set([...own, ...members.map(({ port }) => port)]),
    ownerAt: (ip) => {
      const found = members.filter(({ addr }) => formatIp(addr) === ip);
      const member = found.find(({ status }) => status === "alive") ?? found[0];
      // Members that share an address, as on one machine, tell nothing of whose a server is.
      if (member === undefined || found.filter(({ status }) => status === "alive").length > 1)
        return undefined;
      const { name, port, status, tags } = member;
      return { name, status, gossipPort: port, portTag: tags.get("port") };
    },
    askPort: async (node, port) => await peers?.port(node, port),
  };
}

function configFindings({ faults, isGiven, warnings }: AgentPlan): readonly Finding[] {
  const findings = new Findings("config", "configuration of the agent");
  for (const line of faults)
    findings.fail(line, {
      remedy: ["gossipd config show, with the same flags, tells where each value comes from"],
    });
  for (const line of warnings) findings.warn(line.replace(/^Warning: /, ""));
  if (!findings.hasFaults) {
    if (isGiven) findings.ok("is valid");
    else findings.skip("none was given: -config-file or flags of the agent");
  }
  return findings.all;
}

function portParts({ gossip, rpc }: AgentPlan): readonly Part[] {
  const parts: Part[] = [];
  if (gossip !== undefined && gossip.port !== 0) {
    parts.push([
      "ports of gossip",
      examinePorts({ ...gossip, what: "gossip", flag: "-bind", udp: true }),
    ]);
  }
  const { host, port } = rpc ?? defaultRpc;
  if (port !== 0) {
    parts.push([
      "port of the RPC",
      examinePorts({ host, port, what: "RPC", flag: "-rpc-addr", udp: false }),
    ]);
  }
  return parts;
}

interface Reaching {
  readonly known: Known;
  readonly findings: readonly Finding[];
}

const defaultRpc = { host: "127.0.0.1", port: 7_373 };

async function reachAgent({ env, plan }: Examination): Promise<Reaching> {
  const target = plan.rpc ?? targetOf(env.SERF_RPC_ADDR) ?? defaultRpc;
  const where = `${target.host}:${target.port}`;
  const findings = new Findings("agent", `agent at ${where}`);
  const authKey = plan.rpcAuth ?? env.SERF_RPC_AUTH ?? "";
  let agent: RpcClient;
  try {
    agent = await RpcClient.connect({ ...target, authKey });
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    explainUnreached(thrown.message, plan, findings);
    return { known: { agent: undefined, ...nothingKnown }, findings: findings.all };
  }
  try {
    const [members, stats] = await Promise.all([agent.members(), agent.stats()]);
    const setup = await askIfKnown(agent, "setup", {});
    const runs = (await askIfKnown(agent, "handlers", {}))?.handlers;
    const self = stats.get("agent")?.get("name") ?? "";
    findings.ok(
      `it runs, as member ${self}${setup === undefined ? " (one of Serf's, or an older gossipd)" : ""}`,
    );
    const known = { agent, self, members, stats, setup, runs };
    return {
      known,
      findings: [...findings.all, ...healthFindings(known), ...changedFindings(plan, setup)],
    };
  } catch (thrown) {
    agent.close();
    if (!(thrown instanceof OperatorError)) throw thrown;
    explainUnreached(thrown.message, plan, findings);
    return { known: { agent: undefined, ...nothingKnown }, findings: findings.all };
  }
}

function explainUnreached(message: string, { isGiven }: AgentPlan, findings: Findings): void {
  if (/auth/i.test(message)) {
    findings.fail(`it refuses us: ${message}`, {
      cause: "it was started with rpc_auth",
      remedy: ["give its token: -rpc-auth TOKEN, or SERF_RPC_AUTH"],
    });
  } else if (isGiven) {
    findings.warn(`it is not running: ${message}`, {
      remedy: ["gossipd agent, with the same flags"],
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

function proxyParts(
  { env, plan, proxyConfigs }: Examination,
  known: Known,
  handlers: readonly HandlerSetup[],
  deps: ServerDeps,
  path: string,
): readonly Part[] {
  const { members, self, setup } = known;
  const parts: Part[] = [];
  const lb = lbOf(plan, setup);
  if (typeof lb === "string") {
    const findings = new Findings("config", "configuration of the load balancer");
    findings.fail(lb);
    parts.push(["the load balancer", Promise.resolve(findings.all)]);
  } else if (lb !== undefined) {
    const isKnown = known.agent !== undefined;
    const health = { isolated: false, awareness: 0 };
    const view = isKnown
      ? { self, members: members.map(lbMember), health, joined: true }
      : undefined;
    parts.push([
      "the load balancer",
      examineBalancers({ config: lb, path, view, deps, status: statusIn(lb), now: new Date() }),
    ]);
  }
  const kept = new Set(
    lb === undefined || typeof lb === "string" ? [] : lb.balancers.map(({ file }) => file),
  );
  const variables = { ...env, ...setup?.environment };
  const files = [
    ...proxyConfigs,
    ...(lb === undefined ? filesOfHandlers(handlers, variables) : []),
  ];
  for (const file of new Set(files)) {
    if (kept.has(file)) continue;
    parts.push([
      file,
      examineKeptFile(file, handlers, known, deps, variables, path, lb === undefined),
    ]);
  }
  return parts;
}

/** What a file says that could not be read, as a text. */
function lbOf(plan: AgentPlan, setup: Setup | undefined): LbConfig | string | undefined {
  if (plan.lb !== undefined || setup?.lbFile === undefined || setup.lbFile === null) return plan.lb;
  try {
    return readLbConfig(setup.lbFile);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return thrown.message;
  }
}

function statusIn({ stateDir }: LbConfig): LbStatus | undefined {
  try {
    return readStatus(statusFileIn(stateDir));
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return undefined;
  }
}

/** The files that our own handlers keep. */
function filesOfHandlers(
  handlers: readonly HandlerSetup[],
  variables: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const scripts = handlers.flatMap(({ script }) =>
    script.split(/\s+/).map((word) => basename(word)),
  );
  const files: string[] = [];
  if (scripts.includes("haproxy.sh"))
    files.push(variables.HAPROXY_CFG || "/etc/haproxy/haproxy.cfg");
  if (scripts.includes("nginx.sh")) files.push(variables.NGINX_CFG || "/etc/nginx/nginx.conf");
  return files;
}

/** A proxy that a handler keeps, or that nobody does. */
async function examineKeptFile(
  file: string,
  handlers: readonly HandlerSetup[],
  { agent, members, self }: Known,
  deps: ServerDeps,
  variables: Readonly<Record<string, string | undefined>>,
  path: string,
  isAlone: boolean,
): Promise<readonly Finding[]> {
  const isNginx = guessKind(file) === "nginx";
  const findings = new Findings("handler", `who keeps ${file}`);
  const telling = handlers.filter(({ filters }) =>
    filters.some((one) => /^(\*|member-|state|retry)/.test(one)),
  );
  if (agent !== undefined && isAlone && telling.length === 0) {
    findings.fail(
      "the agent has neither a handler of member events nor a load balancer: nobody writes servers into it",
      {
        remedy: [
          `start it with: -event-handler '*=/path/to/handlers/${isNginx ? "nginx" : "haproxy"}.sh', or better with: -lb FILE`,
        ],
      },
    );
  }
  const emptyCause =
    telling.length > 0
      ? `the handler has written none: ${telling[0]?.script}`
      : "nobody has written any into it";
  const masterSocket = variables.HAPROXY_MASTER_SOCKET;
  const pidFile = variables[isNginx ? "NGINX_PID_FILE" : "HAPROXY_PID_FILE"];
  const checkTimeout = 10_000;
  const proxy = isNginx
    ? await examineNginx(
        { file, binary: "nginx", path, mainFile: undefined, pidFile, checkTimeout, emptyCause },
        deps,
      )
    : await examineHaproxy(
        {
          file,
          binary: "haproxy",
          path,
          socket: undefined,
          masterSocket,
          pidFile,
          checkTimeout,
          pools: [],
          reload: reloadOf(masterSocket, pidFile),
          emptyCause,
        },
        deps,
      );
  const scripts = telling.map(({ script }) => script);
  const kept =
    agent === undefined || isNginx
      ? []
      : await examineKept({ file, members, self, role: variables.BACKEND_ROLE, handlers: scripts });
  return [...findings.all, ...proxy, ...kept];
}

function reloadOf(masterSocket: string | undefined, pidFile: string | undefined): string {
  if (masterSocket !== undefined) return `echo reload | socat - ${shellWord(masterSocket)}`;
  return `kill -USR2 $(cat ${shellWord(pidFile ?? "/run/haproxy.pid")})   (or: systemctl reload haproxy)`;
}
