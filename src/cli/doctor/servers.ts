import { type Finding, Findings, operand } from "../../examine/finding.js";
import {
  type Listener,
  listenersAt,
  type Owner,
  ownerOf,
  readListeners,
} from "../../lb/listeners.js";
import type { PortState } from "../../observe/reach.js";
import type { Applications } from "./applications.js";
import { addressOf, type Dialled, dial, isLocal } from "./dial.js";

/** A server of a balancer, as its configuration has it. */
export interface ServerPlace {
  /** What it is called there. */
  readonly name: string;
  /** Of the file: `/etc/haproxy/haproxy.cfg, line 12`; empty if it has no line of its own. */
  readonly where: string;
  readonly host: string;
  readonly port: number;
}

/** The member that a server belongs to. */
interface ServerOwner {
  readonly name: string;
  readonly status: string;
  /** Its tag `port`, if it has one. */
  readonly portTag: string | undefined;
  readonly gossipPort: number;
}

export interface ServerDeps {
  ownerAt(ip: string): ServerOwner | undefined;
  /** What the member says of a port of its own machine; undefined: it does not say. */
  askPort(node: string, port: number): Promise<PortState | undefined>;
  readonly applications: Applications;
  /** Ports of this machine that are no service behind a balancer: of agents and of the balancers. */
  readonly ownPorts: ReadonlySet<number>;
}

export interface Examined {
  readonly server: ServerPlace;
  readonly dialled: Dialled;
  /** Why, in one line; empty if it answers. */
  readonly why: string;
}

const dialTimeout = 2_000;

/** At most so many are connected to at once, */
const atOnce = 32;

/** ... and looked at in all: of more of them these will do. */
const mostServers = 256;

/** Connects to each server, and says why those that do not answer do not. */
export async function examineServers(
  servers: readonly ServerPlace[],
  deps: ServerDeps,
): Promise<{ readonly findings: readonly Finding[]; readonly examined: readonly Examined[] }> {
  const findings: Finding[] = [];
  const examined: Examined[] = [];
  const listeners = await readListeners();
  const known = new Set(servers.map(({ port }) => port));
  const look: Look = { deps, listeners, known };
  const looked = servers.slice(0, mostServers);
  for (let at = 0; at < looked.length; at += atOnce) {
    const some = looked.slice(at, at + atOnce).map((server) => examineServer(server, look));
    for (const one of await Promise.all(some)) {
      findings.push(...one.findings);
      examined.push(one.examined);
    }
  }
  return { findings, examined };
}

interface Look {
  readonly deps: ServerDeps;
  readonly listeners: readonly Listener[] | undefined;
  /** Ports that servers are meant to have. */
  readonly known: ReadonlySet<number>;
}

async function examineServer(
  server: ServerPlace,
  look: Look,
): Promise<{ readonly findings: readonly Finding[]; readonly examined: Examined }> {
  const { host, name, port, where } = server;
  const findings = new Findings("backend", `server ${name} at ${hostPort(host, port)}`);
  const ip = await addressOf(host);
  if (ip === undefined) {
    const line = where === "" ? "" : ` in ${where}`;
    findings.fail(`the name ${host} is not known`, {
      cause: "HAProxy looks names up when it starts, and refuses to start without",
      remedy: [`write the address${line}; gossipd members shows it`],
    });
    return {
      findings: findings.all,
      examined: { server, dialled: "unknown host", why: `the name ${host} is not known` },
    };
  }
  const owner = look.deps.ownerAt(ip);
  const dialled = port === 0 ? "refused" : await dial(ip, port, dialTimeout);
  const who = owner === undefined ? "" : `, which is member ${owner.name} (${owner.status})`;
  switch (dialled) {
    case "answers":
      findings.ok("accepts connections");
      break;
    case "refused":
      await explainRefusal(server, ip, owner, look, findings);
      break;
    case "closed":
      findings.warn("accepts connections and cuts them at once", {
        cause: "the service may speak another protocol there (TLS?), or want something first",
      });
      break;
    case "silent":
      findings.fail("does not answer: packets to it get lost", {
        cause: `a firewall drops them, the address is another machine's, or the machine is gone${who}`,
        remedy: [
          ...(owner?.status === "failed"
            ? [`start ${owner.name} again, or: gossipd force-leave ${operand(owner.name)}`]
            : []),
          `let TCP port ${port} through on ${owner?.name ?? host}; check: nc -vz ${operand(host)} ${port}`,
        ],
      });
      break;
    case "unreachable":
    case "unknown host":
      findings.fail("there is no way to it from here", {
        cause: `no route to its network, or a firewall refuses${who}`,
        remedy: [`ip route get ${ip}`],
      });
  }
  const [fault] = findings.all.filter(({ result }) => result === "fail");
  const why = fault === undefined ? "" : fault.found;
  return { findings: findings.all, examined: { server, dialled, why } };
}

async function explainRefusal(
  server: ServerPlace,
  ip: string,
  owner: ServerOwner | undefined,
  look: Look,
  findings: Findings,
): Promise<void> {
  const { port } = server;
  const { deps, listeners } = look;
  const found = `connection refused: nothing listens on port ${port} there`;
  if (owner?.status === "alive" && ((await deps.applications.count(owner.name)) ?? 0) > 0) {
    findings.fail(found, {
      cause: `the application of ${owner.name} is at fault, which is told by its agent`,
    });
    findings.all.push(...(await deps.applications.tell(owner.name)));
    return;
  }
  if (isLocal(ip) && listeners !== undefined) {
    const here = listenersAt(listeners, ip);
    const narrow = listeners.find((one) => one.port === port && !here.includes(one));
    if (narrow !== undefined) {
      findings.fail(
        `connection refused: the service listens on port ${port} of ${narrow.ip} alone`,
        {
          remedy: [`have it listen on ${ip} or 0.0.0.0, or give ${narrow.ip} as its address`],
        },
      );
      return;
    }
    const open = await otherServices(here, ip, owner, look);
    // Of those that listen everywhere only one whose program is known may be meant: there are others too.
    const [only, ...more] = open.filter((one) => one.isExact || one.owner !== undefined);
    const meant = more.length === 0 ? only?.port : undefined;
    explain(server, owner, found, open.map(described), meant, findings);
    return;
  }
  const state = owner?.status === "alive" ? await deps.askPort(owner.name, port) : undefined;
  if (state?.listens === "loopback") {
    findings.fail(
      `connection refused: on ${owner?.name} the service listens on port ${port} of 127.0.0.1 alone`,
      {
        remedy: [`on ${owner?.name} have it listen on 0.0.0.0 or ${ip}`],
      },
    );
    return;
  }
  if (state?.listens === "yes") {
    findings.fail(
      `connection refused, though ${owner?.name} says that something listens on port ${port}`,
      {
        cause: "a firewall refuses, or the address leads to another machine",
        remedy: [`let TCP port ${port} through on ${owner?.name}: iptables -S, nft list ruleset`],
      },
    );
    return;
  }
  const others = (state?.others ?? []).filter(
    (one) => !look.known.has(one) && one !== owner?.gossipPort && one !== 7_373,
  );
  explain(
    server,
    owner,
    found,
    others.map(String),
    others.length === 1 ? others[0] : undefined,
    findings,
  );
}

/** `only`: the one port at which something else listens: it may be the service. */
function explain(
  { port, where }: ServerPlace,
  owner: ServerOwner | undefined,
  found: string,
  open: readonly string[],
  only: number | undefined,
  findings: Findings,
): void {
  const on = owner === undefined ? "there" : `on ${owner.name}`;
  const start = [
    `start the service ${on}, and look at what it says when it ends at once`,
    `to find a missing program, file or folder, ${on}: gossipd doctor -service 'THE COMMAND LINE THAT STARTS IT'`,
  ];
  if (only === undefined) {
    const cause =
      owner !== undefined && owner.status !== "alive"
        ? `member ${owner.name} is ${owner.status}: its agent does not run either`
        : open.length === 0
          ? "the service is not running, or ended when it was started"
          : `the service is not running, or on another port; open ${on}: ${open.join(", ")}`;
    findings.fail(found, { cause, remedy: start });
    return;
  }
  const line = where === "" ? "" : `change ${where}: port ${only} in place of ${port}`;
  const tag = `${on}: gossipd tags -set port=${only}`;
  const change = owner?.portTag === String(port) ? tag : line === "" ? tag : line;
  findings.fail(found, {
    cause: `the port may be wrong: ${open.find((one) => one.startsWith(String(only))) ?? only} is open ${on}, and ${port} is not`,
    remedy: [`if that is the service, ${change}`, `else ${start[0]}`, ...start.slice(1)],
  });
}

interface OpenPort {
  readonly port: number;
  /** It listens at this address alone. */
  readonly isExact: boolean;
  readonly owner: Owner | undefined;
}

/** What else listens at an address of this machine and may be the service. */
async function otherServices(
  here: readonly Listener[],
  ip: string,
  owner: ServerOwner | undefined,
  { deps, known }: Look,
): Promise<readonly OpenPort[]> {
  const specific = here.filter(
    ({ port }) => !known.has(port) && !deps.ownPorts.has(port) && port !== owner?.gossipPort,
  );
  const exact = specific.filter((one) => one.ip === ip);
  const meant = exact.length > 0 ? exact : specific;
  const ports = new Map(meant.map((one) => [one.port, one]));
  const some = [...ports.values()].sort((one, other) => one.port - other.port).slice(0, 8);
  const owned = await Promise.all(
    some.map(async (one) => ({
      port: one.port,
      isExact: one.ip === ip,
      owner: await ownerOf(one),
    })),
  );
  return owned.filter((one) => !/^(haproxy|nginx|sshd|systemd)/.test(one.owner?.name ?? ""));
}

function described({ owner, port }: OpenPort): string {
  return owner === undefined ? String(port) : `${port} (${owner.name}, process ${owner.pid})`;
}

export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
