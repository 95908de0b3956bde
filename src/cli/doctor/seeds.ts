import { type Finding, Findings, operand } from "../../examine/finding.js";
import type { Reach } from "../../observe/reach.js";

export interface SeedDeps {
  /** Addresses, or why there are none. */
  resolve(seed: string): Promise<readonly string[] | string>;
  /** A ping to an address as a member with our keys would send it; `plain`: without any. */
  probe(address: string, plain: boolean): Promise<Reach>;
  /** Whether we have keys. */
  readonly encrypted: boolean;
}

/** Whether those whom an agent is told to join are there, and would have it. */
export async function examineSeeds(
  seeds: readonly string[],
  deps: SeedDeps,
): Promise<readonly Finding[]> {
  const all = await Promise.all(
    [...new Set(seeds)].slice(0, 16).map((seed) => examineSeed(seed, deps)),
  );
  const findings = all.flat();
  // One that answers is enough.
  if (!findings.some(({ result }) => result === "ok")) return findings;
  return findings.map((one) => (one.result === "fail" ? { ...one, result: "warn" as const } : one));
}

async function examineSeed(seed: string, deps: SeedDeps): Promise<readonly Finding[]> {
  const findings = new Findings("seeds", `member to join ${seed}`);
  const addresses = await deps.resolve(seed);
  if (typeof addresses === "string") {
    findings.fail(addresses, {
      cause: "the name is not in DNS nor in /etc/hosts, or not yet",
      remedy: [
        `getent hosts ${operand(seed.replace(/^.*\//, "").replace(/:\d+$/, ""))}`,
        "or give its address in place of the name",
      ],
    });
    return findings.all;
  }
  for (const address of addresses.slice(0, 4)) await examineAddress(address, deps, findings);
  return findings.all;
}

async function examineAddress(address: string, deps: SeedDeps, findings: Findings): Promise<void> {
  const reach = await deps.probe(address, false);
  const port = address.slice(address.lastIndexOf(":") + 1);
  switch (reach.tcp) {
    case "answers":
      if (reach.udp === "answers") findings.ok(`an agent answers at ${address}, over TCP and UDP`);
      else {
        const reachFindings = new Findings("reach", `member to join at ${address}`);
        reachFindings.fail("answers over TCP, but not over UDP", {
          cause: "a firewall lets only TCP through; gossip and pings are UDP",
          remedy: [`on both machines: iptables -I INPUT -p udp --dport ${port} -j ACCEPT`],
        });
        findings.all.push(...reachFindings.all);
      }
      return;
    case "mute":
      findings.all.push(...(await examineKeys(address, deps)));
      return;
    case "refused":
      findings.fail(`nothing listens at ${address}`, {
        cause: "no agent runs there, or it listens on another address or port",
        remedy: [
          `start an agent there, with -bind or -advertise of that address`,
          `on that machine: ss -ltnp 'sport = :${port}'`,
        ],
      });
      return;
    default:
      findings.fail(`${address} does not answer (${reach.tcp})`, {
        cause: "the machine is off, the address is wrong, or a firewall drops what comes",
        remedy: [
          `nc -vz ${address.slice(0, address.lastIndexOf(":"))} ${port}`,
          `let TCP and UDP port ${port} through, in both directions`,
        ],
      });
  }
}

async function examineKeys(address: string, deps: SeedDeps): Promise<readonly Finding[]> {
  const findings = new Findings("keys", `member to join at ${address}`);
  const plain = deps.encrypted ? (await deps.probe(address, true)).tcp === "answers" : false;
  if (plain) {
    findings.fail("does not encrypt, but this agent does", {
      cause: "members understand each other only with the same keys, or all without",
      remedy: ["start all agents with the same -encrypt KEY or keyring_file, or this one without"],
    });
  } else if (deps.encrypted) {
    findings.fail("takes the connection, but does not understand this agent: its keys are others", {
      cause: "or what listens there is no agent",
      remedy: [
        "give this agent the key of the cluster: -encrypt KEY, as in the configuration of that one",
        "on a member: gossipd keys -list",
      ],
    });
  } else {
    findings.fail(
      "takes the connection, but does not understand this agent: it encrypts, and this one does not",
      {
        cause: "or what listens there is no agent",
        remedy: [
          "give this agent the key of the cluster: -encrypt KEY, as in the configuration of that one",
        ],
      },
    );
  }
  return findings.all;
}
