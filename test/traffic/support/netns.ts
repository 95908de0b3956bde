import { spawnSync } from "node:child_process";

/** A machine of its own, as far as the network goes. */
export interface Host {
  readonly ip: string;
  /** What goes in front of a program that is to run there. */
  readonly within: readonly string[];
}

/**
 * Machines on one switch, made of network namespaces, each of which can be unplugged. The first has a
 * second cable to here, so that clients reach it whatever is unplugged.
 */
export class SwitchedNetwork {
  readonly hosts: readonly Host[];
  readonly #prefix: string;

  private constructor(hosts: readonly Host[], prefix: string) {
    this.hosts = hosts;
    this.#prefix = prefix;
  }

  static make(count: number): SwitchedNetwork {
    const net = process.pid % 250;
    const prefix = `gdp${process.pid}`;
    const hosts = Array.from({ length: count }, (_, index) => ({
      ip: `10.79.${net}.${index + 1}`,
      within: ["ip", "netns", "exec", `${prefix}-${index}`],
    }));
    const network = new SwitchedNetwork(hosts, prefix);
    try {
      network.#wire(net);
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  /** Pulls the cable of host `index`: what is sent to it or by it is lost without a word. */
  unplug(index: number): void {
    this.#switch("link", "set", `port${index}`, "down");
  }

  plug(index: number): void {
    this.#switch("link", "set", `port${index}`, "up");
  }

  /** Packets and streams to UDP and TCP port `port` get lost, to host `index` and from it; nothing else. */
  mute(index: number, port: number): void {
    this.#rules("add", index, port);
  }

  unmute(index: number, port: number): void {
    this.#rules("del", index, port);
  }

  remove(): void {
    const names = [...this.hosts.keys()].map((index) => `${this.#prefix}-${index}`);
    // With the namespaces go their cables.
    for (const name of [...names, `${this.#prefix}-switch`])
      spawnSync("ip", ["netns", "del", name]);
  }

  #rules(action: "add" | "del", index: number, port: number): void {
    for (const [from] of this.hosts.entries()) {
      const to = from === index ? [] : ["to", `${this.hosts[index]?.ip}`];
      for (const protocol of ["udp", "tcp"]) {
        const what = [...to, "ipproto", protocol, "dport", `${port}`, "lookup", "100"];
        ip("-n", `${this.#prefix}-${from}`, "rule", action, ...what, "priority", "10");
      }
    }
  }

  #switch(...args: string[]): void {
    ip("-n", `${this.#prefix}-switch`, ...args);
  }

  #wire(net: number): void {
    const switchName = `${this.#prefix}-switch`;
    ip("netns", "add", switchName);
    this.#switch("link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    this.#switch("link", "set", "br0", "up");
    this.hosts.forEach((host, index) => {
      const name = `${this.#prefix}-${index}`;
      ip("netns", "add", name);
      const cable = ["type", "veth", "peer", "name", `port${index}`, "netns", switchName];
      ip("link", "add", "eth0", "netns", name, ...cable);
      this.#switch("link", "set", `port${index}`, "master", "br0", "up");
      ip("-n", name, "addr", "add", `${host.ip}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "link", "set", "eth0", "up");
      // A second cable, to nobody: what is routed there is lost without an error.
      const sink = ["type", "veth", "peer", "name", `sink${index}`, "netns", switchName];
      ip("link", "add", "sink", "netns", name, ...sink);
      ip("-n", name, "link", "set", "sink", "up");
      this.#switch("link", "set", `sink${index}`, "up");
      const nobody = ["192.0.2.1", "dev", "sink"];
      ip("-n", name, "neigh", "add", ...nobody, "lladdr", "02:00:00:00:00:01", "nud", "permanent");
      ip("-n", name, "route", "add", "default", "via", ...nobody, "onlink", "table", "100");
    });
    const [first, own] = [`${this.#prefix}-0`, `${this.#prefix}-out`];
    ip("link", "add", own, "type", "veth", "peer", "name", "out", "netns", first);
    ip("addr", "add", `10.80.${net}.1/30`, "dev", own);
    ip("link", "set", own, "up");
    ip("-n", first, "addr", "add", `10.80.${net}.2/30`, "dev", "out");
    ip("-n", first, "link", "set", "out", "up");
    ip("route", "add", `${this.hosts[0]?.ip}/32`, "via", `10.80.${net}.2`, "dev", own);
  }
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}
