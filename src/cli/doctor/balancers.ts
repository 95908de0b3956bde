import { dirname } from "node:path";
import { type Finding, Findings, operand, shellWord } from "../../examine/finding.js";
import { kindOfPath } from "../../examine/programs.js";
import { type Candidate, Candidates, rosterOf } from "../../lb/backends.js";
import type { BalancerConfig, CommandConfig, LbConfig, PoolConfig } from "../../lb/config.js";
import type { LbMember, View } from "../../lb/model.js";
import { selects } from "../../lb/selector.js";
import type { BalancerStatus, LbStatus } from "../../lb/status.js";
import { processRuns, staleness } from "../lb/status-file.js";
import { examineHaproxy } from "./haproxy.js";
import { examineNginx } from "./nginx.js";
import { examineFolder, findProxyProgram, isReadableFile } from "./proxy-place.js";
import type { ServerDeps } from "./servers.js";
import { examineVirtualIp } from "./virtual-ip.js";

export interface BalancersQuestion {
  readonly config: LbConfig;
  /** Of those who keep the balancers. */
  readonly path: string;
  /** undefined: no agent was there to be asked. */
  readonly view: View | undefined;
  readonly deps: ServerDeps;
  readonly status: LbStatus | undefined;
  readonly now: Date;
}

/** What keeps gossipd's own load balancing from being right. */
export async function examineBalancers(question: BalancersQuestion): Promise<readonly Finding[]> {
  const { config, now, path, status, view } = question;
  const findings: Finding[] = [
    ...examineKeeper(question),
    ...examineVirtualIp(config, path, view, status),
  ];
  for (const balancer of config.balancers) {
    findings.push(...examineFiles(balancer, config.stateDir));
    findings.push(...(await examineProxy(balancer, question)));
    if (view !== undefined) {
      for (const pool of balancer.pools) {
        findings.push(...(await examineMembers(balancer, pool, view, question.deps)));
      }
    }
    const own = status?.balancers.find(({ name }) => name === balancer.name);
    if (own !== undefined) findings.push(...examineStatus(own, now));
  }
  return findings;
}

/** Whether anybody keeps the balancers at all. */
function examineKeeper({ config, now, status }: BalancersQuestion): readonly Finding[] {
  const findings = new Findings("balancer", "who keeps the load balancers");
  const remedy = ["gossipd agent -lb FILE, or gossipd lb watch -lb FILE beside another agent"];
  if (status === undefined) {
    findings.warn(`nobody has written a status into ${config.stateDir}`, {
      cause: "no agent and no lb watch keeps these balancers, or another user does",
      remedy,
    });
  } else {
    const stale = staleness(status, now, processRuns);
    if (stale === undefined)
      findings.ok(
        status.keeper === null ? "a single pass did" : `process ${status.keeper.pid} does`,
      );
    else findings.fail(`nobody does: ${stale}`, { remedy });
  }
  return findings.all;
}

function examineFiles(
  { file, name, template }: BalancerConfig,
  stateDir: string,
): readonly Finding[] {
  const findings = new Findings("proxy-files", `files of balancer ${name}`);
  if (template !== undefined) {
    const own = new Findings("proxy-files", `template ${template}`);
    isReadableFile(template, own);
    findings.all.push(...own.all);
  }
  if (kindOfPath(dirname(file)) !== "missing" || template !== undefined) {
    examineFolder(dirname(file), `where ${file} is to be written`, findings);
  }
  const parent = kindOfPath(stateDir) === "missing" ? dirname(stateDir) : stateDir;
  examineFolder(parent, `for the state of the load balancer (state_dir ${stateDir})`, findings);
  if (!findings.hasFaults) findings.ok("are there, and may be written");
  return findings.all;
}

async function examineProxy(
  balancer: BalancerConfig,
  { deps, path }: BalancersQuestion,
): Promise<readonly Finding[]> {
  const { checkTimeout, file, name, proxy, template } = balancer;
  const emptyCause =
    "gossipd has written none into it: see what is said of its pools and of the members";
  switch (proxy.kind) {
    case "haproxy":
      return await examineHaproxy(
        {
          file,
          binary: proxy.binary,
          path,
          socket: proxy.socket,
          masterSocket: proxy.masterSocket,
          pidFile: proxy.pidFile,
          checkTimeout,
          pools: template === undefined ? balancer.pools.map((pool) => pool.name) : [],
          reload: `gossipd lb status says what is tried, and when`,
          emptyCause,
        },
        deps,
      );
    case "nginx": {
      const { binary, mainFile, pidFile } = proxy;
      return await examineNginx(
        { file, binary, path, mainFile, pidFile, checkTimeout, emptyCause },
        deps,
      );
    }
    case "command":
      return examineCommands(name, file, proxy, path);
  }
}

function examineCommands(
  name: string,
  file: string,
  { check, confirm, reload }: CommandConfig,
  path: string,
): readonly Finding[] {
  const findings = new Findings("proxy-program", `commands of balancer ${name}`);
  for (const [program] of [check ?? [], reload, confirm ?? []]) {
    if (program !== undefined) findProxyProgram(program, path, findings);
  }
  if (!findings.hasFaults) findings.ok("are there");
  const config = new Findings("proxy-config", file);
  if (isReadableFile(file, config)) config.ok("is there");
  return [...findings.all, ...config.all];
}

/** Whether any member becomes a server of a pool, and why others do not. */
async function examineMembers(
  balancer: BalancerConfig,
  pool: PoolConfig,
  view: View,
  { applications }: ServerDeps,
): Promise<readonly Finding[]> {
  const findings = new Findings("pool-members", `pool ${pool.name} of balancer ${balancer.name}`);
  const candidates = Candidates.of(pool, rosterOf(view));
  const found = [...candidates.byKey.values()];
  const ready = found.filter(({ wish }) => wish === "ready");
  for (const { node, reason } of candidates.refused.slice(0, 10)) {
    const isPort = /\bport\b/.test(reason);
    findings.fail(`member ${node} becomes no server: ${reason}`, {
      remedy: isPort
        ? [`on ${node}: gossipd tags -set ${pool.portTag}=PORT, or give the pool "port": PORT`]
        : [`on ${node}: correct its name, address or tags (gossipd members shows them)`],
    });
  }
  const starting = found.filter(({ wish }) => wish === "starting");
  const told = await Promise.all(starting.map(({ node }) => applications.tell(node)));
  if (found.length === 0) {
    const gone = leftMembers(view.members, pool);
    if (gone.length > 0) {
      findings.fail(`all members of it have left: ${gone.join(", ")}`, {
        cause: "they were stopped on purpose: who is stopped leaves",
        remedy: ["start them again: docker start, docker-compose up -d, systemctl start"],
      });
    } else {
      findings.fail(`no member matches "members": ${JSON.stringify(pool.select.text)}`, {
        cause: tagsOf(view.members, view.self, pool),
        remedy: [
          `on each web server: gossipd tags -set ${wantedTag(pool)}`,
          `or change "members" of the pool, and see: gossipd members`,
        ],
      });
    }
  } else if (ready.length === 0) {
    const states = found.map(({ node, wish }) => `${node} is ${wish}`).join(", ");
    findings.fail(`no member of it is ready: ${states}`, notReady(found, told));
  } else if (!findings.hasFaults) findings.ok(`${ready.length} members are ready`);
  return [...told.flat(), ...findings.all];
}

/** What is to be done about members of which none is ready; `told` of the applications of those that start. */
function notReady(
  found: readonly Candidate[],
  told: readonly (readonly Finding[])[],
): { readonly cause?: string; readonly remedy: readonly string[] } {
  const away = found.filter(({ wish }) => wish === "draining" || wish === "maintenance");
  if (away.length > 0) {
    return { remedy: away.slice(0, 5).map(({ node }) => `gossipd ready ${operand(node)}`) };
  }
  const starting = found.filter(({ wish }) => wish === "starting");
  if (starting.length > 0) {
    const cause = "their applications do not run, or have not passed their checks";
    if (told.flat().length > 0) {
      return { cause, remedy: ["put right what is said of each, then it is ready by itself"] };
    }
    return { cause, remedy: starting.slice(0, 5).map(({ node }) => `on ${node}: gossipd doctor`) };
  }
  return {
    cause: "they do not answer any more: their agents were killed, or their machines are gone",
    remedy: [
      "start them again: docker start, docker-compose up -d, systemctl start",
      ...found.slice(0, 3).map(({ node }) => `gossipd why ${operand(node)}`),
    ],
  };
}

/** Those that would be servers if they had not left. */
function leftMembers(members: readonly LbMember[], { select }: PoolConfig): readonly string[] {
  return members
    .filter(({ status, tags }) => status === "left" && selects(select, tags))
    .map(({ name }) => name)
    .slice(0, 8);
}

function wantedTag({ select }: PoolConfig): string {
  const term = select.terms.find(({ negated }) => !negated);
  const [value = "VALUE"] = term?.values ?? [];
  return term === undefined ? "role=web" : shellWord(`${term.tag}=${value}`);
}

function tagsOf(
  members: readonly LbMember[],
  self: string,
  { includeSelf, select }: PoolConfig,
): string {
  const own = members.filter(({ name }) => name === self);
  const others = members.filter(({ name, status }) => name !== self && status === "alive");
  if (others.length === 0)
    return "the agent knows no other member that is alive: it has not joined, or nobody else has";
  const tag = select.terms[0]?.tag ?? "";
  const seen = others
    .slice(0, 8)
    .map(({ name, tags }) => `${name} has ${tag}=${tags.get(tag) ?? ""}`);
  const isSelf = own.some(({ tags }) => tags.has(tag)) && !includeSelf;
  return `${seen.join(", ")}${isSelf ? `; the balancer's own member counts only with "include_self": true` : ""}`;
}

/** What the balancer says of itself. */
function examineStatus(status: BalancerStatus, now: Date): readonly Finding[] {
  const { condition, dryRun, holds, last, name, reason } = status;
  const findings = new Findings("balancer", `balancer ${name}`);
  if (condition === "failed" || reason !== null) {
    findings.fail(`${condition}: ${reason ?? last?.error ?? "it does not say why"}`, {
      cause: "the last good configuration is still served",
      remedy: ["it is tried again by itself once that is put right; see: gossipd lb status"],
    });
  }
  if (condition === "paused") {
    findings.fail("is paused: it changes nothing", {
      remedy: [`gossipd lb resume -balancer ${shellWord(name)}`],
    });
  }
  for (const hold of holds) {
    const text = `holds ${hold.nodes.slice(0, 5).join(", ")} in pool ${hold.pool}: ${hold.reason}`;
    findings.warn(text, {
      remedy: [`if they are really gone: gossipd lb accept -balancer ${shellWord(name)}`],
    });
  }
  for (const { node, until } of status.damped) {
    if (until === null) continue;
    findings.warn(`holds ${node} out until ${until}, since it came and went too often`, {
      remedy: [`gossipd why ${operand(node)}`],
    });
  }
  if (condition === "warming up") {
    const age = Math.round((now.getTime() - Date.parse(status.since)) / 1_000);
    const found = `waits for a view of the cluster to stand still, since ${age} s`;
    if (age < 30) findings.skip(found);
    else
      findings.fail(found, {
        cause: "its agent has joined nobody",
        remedy: ["gossipd join ADDRESS OF ANOTHER MEMBER"],
      });
  }
  if (dryRun) findings.warn("only says what it would do", { remedy: ['remove "dry_run": true'] });
  if (status.version !== null && status.applied !== status.version && condition === "in step") {
    findings.fail("has not been confirmed by the proxy", { remedy: ["gossipd lb status"] });
  }
  if (!findings.hasFaults && findings.all.length === 0)
    findings.ok(`${condition}, version ${status.applied ?? "none"} is served`);
  return findings.all;
}
