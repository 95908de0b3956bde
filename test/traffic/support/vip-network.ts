import { spawnSync } from "node:child_process";

/** One host of the network, in a network namespace of its own. */
export interface VipHost {
  readonly ip: string;
  /** What goes in front of a program that is to run there. */
  readonly within: readonly string[];
  /** Takes its cable out, or puts it back. */
  plug(isIn: boolean): void;
}

/** Hosts on one switch, to which we are connected ourselves. */
export interface VipNetwork {
  /** Where we are. */
  readonly ip: string;
  readonly hosts: readonly VipHost[];
  remove(): void;
}

/** A bridge of ours with `count` hosts 10.79.N.1 and so on; the test itself is 10.79.N.254. */
export function makeVipNetwork(count: number): VipNetwork {
  const id = process.pid % 250;
  const bridge = `gsp${id}`;
  const names = Array.from({ length: count }, (_, index) => `gossipd-vip-${process.pid}-${index}`);
  const remove = (): void => {
    for (const name of names) spawnSync("ip", ["netns", "del", name]);
    spawnSync("ip", ["link", "del", bridge]);
  };
  try {
    ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0", "forward_delay", "0");
    ip("addr", "add", `10.79.${id}.254/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    const hosts = names.map((name, index) => {
      const port = `${bridge}p${index}`;
      const address = `10.79.${id}.${index + 1}`;
      ip("netns", "add", name);
      ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("link", "set", port, "master", bridge);
      ip("link", "set", port, "up");
      ip("-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "link", "set", "eth0", "up");
      return {
        ip: address,
        within: ["ip", "netns", "exec", name],
        plug: (isIn: boolean) => void ip("link", "set", port, isIn ? "up" : "down"),
      };
    });
    return { ip: `10.79.${id}.254`, hosts, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function ip(...args: string[]): string {
  const { status, stderr, stdout } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  return stdout;
}
