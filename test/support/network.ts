import { spawnSync } from "node:child_process";
import { findProgram } from "./programs.js";
import { until } from "./wait.js";

/** Two hosts on one cable, made of network namespaces. */
export interface Network {
  readonly hosts: readonly [Host, Host];
  remove(): void;
}

export interface Host {
  readonly ip: string;
  /** What goes in front of a program that is to run there. */
  readonly within: readonly string[];
}

/** Why no namespaces can be made here, told loudly; in CI that fails. Undefined if they can. */
export function missingNamespaces(): string | undefined {
  const reason = findReason();
  if (reason === undefined) return undefined;
  if (process.env.CI === "true") throw new Error(`${reason}; CI skips nothing`);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}

function findReason(): string | undefined {
  if (findProgram("ip") === undefined) return "not installed: ip (of iproute2)";
  const name = `gossipd-${process.pid}-probe`;
  const { status, stderr } = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (status !== 0) return `no network namespaces can be made: ${stderr.trim()}`;
  spawnSync("ip", ["netns", "del", name]);
  return undefined;
}

/** Makes the hosts 10.77.0.1 and 10.77.0.2; both take multicast over IPv4 and IPv6. */
export async function makeNetwork(): Promise<Network> {
  const names = ["a", "b"].map((suffix) => `gossipd-${process.pid}-${suffix}`) as [string, string];
  const [one, other] = names;
  for (const name of names) ip("netns", "add", name);
  const remove = (): void => {
    for (const name of names) spawnSync("ip", ["netns", "del", name]);
  };
  try {
    const ends = ["type", "veth", "peer", "name", "eth0", "netns", other];
    ip("link", "add", "eth0", "netns", one, ...ends);
    names.forEach((name, index) => {
      ip("-n", name, "addr", "add", `10.77.0.${index + 1}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("-n", name, "route", "add", "224.0.0.0/4", "dev", "eth0");
    });
    for (const name of names) {
      const link = ["-n", name, "-6", "addr", "show", "dev", "eth0", "scope", "link"];
      await until("the IPv6 address is ready", () => {
        const shown = ip(...link);
        return shown.includes("fe80:") && !shown.includes("tentative");
      });
    }
  } catch (error) {
    remove();
    throw error;
  }
  const hostOf = (name: string, index: number): Host => ({
    ip: `10.77.0.${index}`,
    within: ["ip", "netns", "exec", name],
  });
  return { hosts: [hostOf(one, 1), hostOf(other, 2)], remove };
}

function ip(...args: string[]): string {
  const { status, stderr, stdout } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  return stdout;
}
