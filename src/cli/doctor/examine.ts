import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings, pathWord } from "../../examine/finding.js";
import { systemFolders } from "../../examine/programs.js";
import { examineService } from "../../examine/service.js";
import { agentTarget, defaultRpc, type Known, type Reaching, reachAgent } from "./agent-contact.js";
import { examineOwn } from "./applications.js";
import { examineCluster } from "./cluster.js";
import type { Examination, Part } from "./examination.js";
import { examineRuns } from "./handler-runs.js";
import { examineHandler, type HandlerSetup } from "./handlers.js";
import { examineKeepalived } from "./keepalived.js";
import { Peers } from "./peers.js";
import type { AgentPlan } from "./plan.js";
import { examinePorts } from "./ports.js";
import { proxyParts } from "./proxies.js";
import type { Diagnosis } from "./report.js";
import { examineSeeds } from "./seeds.js";
import { hostPort } from "./servers.js";

/** Looks at everything that there is to be looked at. */
export async function examine(examination: Examination): Promise<Diagnosis> {
  const reaching = await reachAgent(examination);
  const { known } = reaching;
  try {
    const diagnosis = await gather(partsOf(examination, reaching), examination.timeout);
    return { ...diagnosis, findings: diagnosis.findings.map((one) => addressed(one, examination)) };
  } finally {
    known.agent?.close();
  }
}

const clientCommand =
  /gossipd (handlers(?: (?:log|rerun))?|lb (?:accept|resume|status)|members|join|keys|why|force-leave|ready|info)\b/g;

/** Remedies are there to be typed: what is for our agent says where that is, unless it is where all look. */
function addressed(finding: Finding, examination: Examination): Finding {
  const { host, port } = agentTarget(examination);
  if (host === defaultRpc.host && port === defaultRpc.port) return finding;
  const flag = `-rpc-addr=${hostPort(host, port)}`;
  const remedy = finding.remedy.map((line) =>
    line.startsWith("on ") ? line : line.replaceAll(clientCommand, `gossipd $1 ${flag}`),
  );
  return { ...finding, remedy };
}

/** What comes of the parts until the time is over. */
async function gather(parts: readonly Part[], timeout: number): Promise<Diagnosis> {
  const findings: Finding[] = [];
  const open = new Map(parts.map(([title], index) => [index, title]));
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeout);
  });
  const all = parts.map(async ([title, part], index) => {
    const found = await orCutOff(title, part);
    if (!open.delete(index)) return;
    findings.push(...found);
  });
  await Promise.race([Promise.all(all), end]);
  clearTimeout(timer);
  const cutOff = [...open.values()];
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
  const parts: Part[] = [
    ["the configuration", Promise.resolve(configFindings(plan))],
    ["the agent", Promise.resolve(findings)],
    ["the application", examineOwn(known)],
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
        peers: new Peers(agent, self, known.setup !== undefined),
        encrypted,
        seeds: told,
      }),
    ]);
  }
  parts.push(...proxyParts(examination, known, handlers, path));
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

function configFindings({ faults, isGiven, warnings }: AgentPlan): readonly Finding[] {
  const findings = new Findings("config", "configuration of the agent");
  for (const line of faults) findings.fail(line, { remedy: remedyOfConfig(line) });
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

/** A fault of a configuration says itself what would be right, and mostly where. */
function remedyOfConfig(line: string): readonly string[] {
  const key = /key|keyring/i.test(line) && /encrypt|keyring/i.test(line);
  const file = /\(file ([^,)]+)/.exec(line)?.[1] ?? /^(\S+\.json):/.exec(line)?.[1];
  return [
    ...(key ? ["a key that is one: gossipd keygen, the same on all members"] : []),
    file === undefined
      ? "correct it; where each value comes from: gossipd config show, with the same flags"
      : `correct it in ${file}, then: gossipd config check -config-file ${pathWord(file)}`,
  ];
}
