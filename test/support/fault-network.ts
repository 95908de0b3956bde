import { spawnSync } from "node:child_process";

/** A machine of its own, as far as the network goes. */
export interface FaultyHost {
  readonly ip: string;
  /** What goes in front of a program that is to run there. */
  readonly within: readonly string[];
}

/** What gets lost on its way, without a word. */
export interface Loss {
  readonly from: FaultyHost;
  /** All others if undefined. */
  readonly to?: FaultyHost;
  /** All protocols if undefined. */
  readonly protocol?: "udp" | "tcp";
}

let networks = 0;

/**
 * Machines on one switch, made of network namespaces. Cables can be pulled, and packets can be lost in one
 * direction: by policy routing into a cable that leads to nobody, for which every kernel is good.
 */
export class FaultNetwork {
  readonly hosts: readonly FaultyHost[];
  readonly #names: readonly string[];
  readonly #switch: string;
  #lastRule = 10;

  constructor(count: number) {
    networks += 1;
    const prefix = `gdf${process.pid}-${networks}`;
    this.#switch = `${prefix}-switch`;
    this.#names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
    this.hosts = this.#names.map((name, index) => ({
      ip: `10.78.0.${index + 1}`,
      within: ["ip", "netns", "exec", name],
    }));
    try {
      this.#wire();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  host(index: number): FaultyHost {
    const host = this.hosts[index];
    if (host === undefined) throw new Error(`there is no host ${index}`);
    return host;
  }

  /** Takes the cable out, or puts it in. */
  plug(host: FaultyHost, isIn: boolean): void {
    const port = `port${this.hosts.indexOf(host)}`;
    ip([`link set ${port} ${isIn ? "up" : "down"}`], this.#switch);
  }

  /** Loses packets; what comes back ends that. */
  lose(...losses: readonly Loss[]): () => void {
    const rules = losses.map(({ from, protocol, to }) => {
      this.#lastRule += 1;
      const what = [
        to === undefined ? "" : `to ${to.ip}`,
        protocol === undefined ? "" : `ipproto ${protocol}`,
        `lookup 100 priority ${this.#lastRule}`,
      ].join(" ");
      return { name: this.#names[this.hosts.indexOf(from)], what };
    });
    for (const { name, what } of rules) ip([`rule add ${what}`], name);
    return () => {
      for (const { name, what } of rules) ip([`rule del ${what}`], name);
    };
  }

  remove(): void {
    // With the namespaces go their cables.
    for (const name of [...this.#names, this.#switch]) spawnSync("ip", ["netns", "del", name]);
  }

  #wire(): void {
    ip([this.#switch, ...this.#names].map((name) => `netns add ${name}`));
    ip(
      this.#names.flatMap((name, index) => [
        `link add eth0 netns ${name} type veth peer name port${index} netns ${this.#switch}`,
        `link add sink netns ${name} type veth peer name sink${index} netns ${this.#switch}`,
      ]),
    );
    ip(
      [
        "link add br0 type bridge mcast_snooping 0 forward_delay 0",
        "link set br0 up",
        ...this.#names.flatMap((_, index) => [
          `link set port${index} master br0 up`,
          `link set sink${index} up`,
        ]),
      ],
      this.#switch,
    );
    for (const [index, name] of this.#names.entries()) {
      ip(
        [
          `addr add ${this.hosts[index]?.ip}/24 dev eth0`,
          "link set lo up",
          "link set eth0 up",
          "link set sink up",
          "neigh add 192.0.2.1 dev sink lladdr 02:00:00:00:00:01 nud permanent",
          "route add default via 192.0.2.1 dev sink onlink table 100",
        ],
        name,
      );
    }
  }
}

/** Commands of `ip`, one after the other, in a namespace. */
function ip(commands: readonly string[], name?: string): void {
  const within = name === undefined ? [] : ["-n", name];
  const input = `${commands.join("\n")}\n`;
  const { status, stderr } = spawnSync("ip", [...within, "-batch", "-"], {
    input,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`ip ${within.join(" ")}: ${stderr}\n${input}`);
}
