import { basename, resolve } from "node:path";
import { formatIp } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings, pathWord } from "../../examine/finding.js";
import { beginningOf, kindOfPath } from "../../examine/programs.js";
import { firstCommand } from "../../examine/shell-words.js";
import type { LbConfig } from "../../lb/config.js";
import { readLbConfig } from "../../lb/config-file.js";
import { guessKind } from "../../lb/proxy-kind.js";
import type { LbStatus } from "../../lb/status.js";
import type { Setup } from "../../observe/setup.js";
import { readStatus, statusFileIn } from "../lb/status-file.js";
import { lbMember } from "../lb/view.js";
import type { Known } from "./agent-contact.js";
import { Applications } from "./applications.js";
import { examineBalancers } from "./balancers.js";
import type { Examination, Part } from "./examination.js";
import type { HandlerSetup } from "./handlers.js";
import { examineHaproxy } from "./haproxy.js";
import { examineKept } from "./kept-by-handler.js";
import { examineNginx } from "./nginx.js";
import { Peers } from "./peers.js";
import type { AgentPlan } from "./plan.js";
import type { ServerDeps } from "./servers.js";

/** The load balancer that gossipd keeps, and the proxies that handlers or nobody keep. */
export function proxyParts(
  { env, folder, plan, proxyConfigs }: Examination,
  known: Known,
  handlers: readonly HandlerSetup[],
  path: string,
): readonly Part[] {
  const { members, self, setup } = known;
  const deps = serverDeps(plan, known);
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
    ...(lb === undefined ? filesOfHandlers(handlers, setup?.folder ?? folder, variables) : []),
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

function serverDeps(plan: AgentPlan, { agent, members, self, setup }: Known): ServerDeps {
  const peers = agent === undefined ? undefined : new Peers(agent, self, setup !== undefined);
  const ports = [setup?.bound ?? "", setup?.rpc ?? ""].map((one) =>
    Number(/:(\d+)$/.exec(one)?.[1]),
  );
  const own = [7_946, 7_373, plan.gossip?.port ?? 0, plan.rpc?.port ?? 0, ...ports];
  return {
    applications: new Applications(peers),
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

/** The files that our own handlers keep, and those that others name in their text. */
function filesOfHandlers(
  handlers: readonly HandlerSetup[],
  folder: string,
  variables: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return handlers.flatMap(({ script }) => {
    const files = firstCommand(script).words.map((word) => resolve(folder, word));
    const names = files.map((file) => basename(file));
    if (names.includes("haproxy.sh")) return [variables.HAPROXY_CFG || "/etc/haproxy/haproxy.cfg"];
    if (names.includes("nginx.sh")) return [variables.NGINX_CFG || "/etc/nginx/nginx.conf"];
    const texts = files
      .filter((file) => kindOfPath(file) === "file")
      .map((file) => beginningOf(file, 64 * 1024).toString("utf8"));
    return [script, ...texts].flatMap(
      (text) => text.match(namedConfig)?.filter((file) => kindOfPath(file) === "file") ?? [],
    );
  });
}

/** The path of a proxy's configuration file, as scripts write it. */
const namedConfig = /\/[\w./-]*(?:haproxy|nginx)[\w./-]*\.(?:cfg|conf)\b/g;

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
  if (masterSocket !== undefined) return `echo reload | socat - ${pathWord(masterSocket)}`;
  return `kill -USR2 $(cat ${pathWord(pidFile ?? "/run/haproxy.pid")})   (or: systemctl reload haproxy)`;
}
