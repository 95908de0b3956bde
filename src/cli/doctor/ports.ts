import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { type Finding, Findings } from "../../examine/finding.js";
import { listenersAt, ownerOf, readListeners } from "../../lb/listeners.js";
import { hostPort } from "./servers.js";

export interface PortQuestion {
  readonly host: string;
  readonly port: number;
  /** What listens there, for texts: `gossip`. */
  readonly what: string;
  /** How it is configured: `-bind`. */
  readonly flag: string;
  readonly udp: boolean;
}

/** Whether an agent that does not run yet would get its ports. */
export async function examinePorts(question: PortQuestion): Promise<readonly Finding[]> {
  const { host, port, udp, what } = question;
  const findings = new Findings("ports", `${what} at ${hostPort(host, port)}`);
  const tcp = await bindTcp(host, port);
  if (tcp !== undefined) await explain(question, "TCP", tcp, findings);
  const datagrams = udp && tcp !== "EADDRNOTAVAIL" ? await bindUdp(host, port) : undefined;
  if (datagrams !== undefined) await explain(question, "UDP", datagrams, findings);
  if (!findings.hasFaults) findings.ok(udp ? "TCP and UDP are free" : "TCP is free");
  return findings.all;
}

async function explain(
  { flag, host, port }: PortQuestion,
  way: "TCP" | "UDP",
  code: string,
  findings: Findings,
): Promise<void> {
  switch (code) {
    case "EADDRINUSE": {
      const holder = way === "TCP" ? await holderOf(host, port) : undefined;
      findings.fail(`${way} port ${port} is taken${holder === undefined ? "" : ` by ${holder}`}`, {
        cause: "two programs cannot listen at one address and port",
        remedy: [
          holder === undefined
            ? `see who has it: ss -l${way === "TCP" ? "t" : "u"}np 'sport = :${port}'`
            : `stop ${holder}, if it is an old agent`,
          `or give this one another port: ${flag} ${hostPort(host, port + 1)}`,
        ],
      });
      return;
    }
    case "EADDRNOTAVAIL":
      findings.fail(`${host} is no address of this machine`, {
        cause: `it has: ${ownAddresses().join(", ")}`,
        remedy: [
          `${flag} with one of those; what others are to be told, behind address translation, is -advertise`,
        ],
      });
      return;
    case "EACCES":
      findings.fail(`this user may not use ${way} port ${port}`, {
        cause: "ports below 1024 are for root",
        remedy: [
          `${flag} ${hostPort(host, port + 7_000)}, or: setcap cap_net_bind_service=+ep $(readlink -f $(command -v node))`,
        ],
      });
      return;
    default:
      findings.fail(`${way} port ${port} cannot be used: ${code}`);
  }
}

async function holderOf(host: string, port: number): Promise<string | undefined> {
  const listeners = (await readListeners()) ?? [];
  const all = host === "0.0.0.0" || host === "::" ? listeners : listenersAt(listeners, host);
  const found = all.find((one) => one.port === port);
  const owner = found === undefined ? undefined : await ownerOf(found);
  return owner === undefined ? undefined : `${owner.name}, process ${owner.pid}`;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address);
}

function bindTcp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", ({ code }: NodeJS.ErrnoException) => {
      socket.close();
      resolve(code ?? "unknown");
    });
    socket.bind({ address: host, port, exclusive: true }, () =>
      socket.close(() => resolve(undefined)),
    );
  });
}
