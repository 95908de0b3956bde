import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { OperatorError } from "../../base/errors.js";
import type { Log } from "../../base/log.js";
import { type Millis, seconds } from "../../base/units.js";
import type { VirtualIpConfig } from "../config.js";
import { programFailure, runProgram } from "../run-program.js";
import { hostIn, type Ipv4Network, isInNetwork, parseNetwork } from "./ipv4-network.js";

/** An address that can be put on this machine and taken off. */
export interface MovingAddress {
  /** Where it is put; undefined: no interface has a network that it fits into. */
  readonly interface: string | undefined;
  isHere(): boolean;
  /** Rejects with OperatorError. */
  add(): Promise<void>;
  /** Rejects with OperatorError. */
  remove(): Promise<void>;
  /** Tells all neighbours that it is here. Never rejects. */
  announce(): Promise<void>;
}

/** How long `ip` and `arping` may take. */
const limit: Millis = seconds(3);

/** Neighbours asked after in one announcement: most addresses of a network are nobody's. */
const questions = 3;

/** A port where nobody listens: that of `discard`. */
const nowhere = 9;

/** An address on an interface of this machine, put there by `ip`; needs the capability NET_ADMIN. */
export class InterfaceAddress implements MovingAddress {
  readonly #ip: string;
  readonly #network: Ipv4Network;
  readonly #prefix: number;
  readonly #given: string | undefined;
  readonly #log: Log;
  #hasArping = true;

  constructor({ address, interface: given }: VirtualIpConfig, log: Log) {
    const [ip = "", prefix = "32"] = address.split("/");
    this.#ip = ip;
    this.#prefix = Number(prefix);
    this.#network = parseNetwork(address) ?? { base: 0, prefix: 32 };
    this.#given = given;
    this.#log = log;
  }

  get interface(): string | undefined {
    return this.#given ?? this.#present()?.name ?? this.#fitting();
  }

  isHere(): boolean {
    return this.#present() !== undefined;
  }

  async add(): Promise<void> {
    const { interface: name } = this;
    if (name === undefined) {
      throw new OperatorError(
        `no interface has a network with ${this.#ip} in it; name one as "interface"`,
      );
    }
    await this.#run(["ip", "addr", "add", `${this.#ip}/${this.#prefix}`, "dev", name], "add");
  }

  async remove(): Promise<void> {
    const present = this.#present();
    if (present === undefined) return;
    const { cidr, name } = present;
    await this.#run(["ip", "addr", "del", cidr, "dev", name], "remove");
  }

  async announce(): Promise<void> {
    const { interface: name } = this;
    if (name === undefined) return;
    await Promise.all([this.#ask(), this.#hasArping ? this.#arping(name) : undefined]);
  }

  async #run(argv: readonly string[], what: "add" | "remove"): Promise<void> {
    const result = await runProgram(argv, { timeout: limit });
    if (this.isHere() === (what === "add")) return;
    const failure = programFailure(argv, { timeout: limit }, result) ?? "it had no effect";
    const remedy = result.missing
      ? "; install iproute2"
      : /not permitted/i.test(result.output)
        ? "; the agent needs the capability NET_ADMIN"
        : "";
    throw new OperatorError(`${this.#ip} could not be ${what}ed: ${failure}${remedy}`);
  }

  /** Two kinds of program are called so; one that does not take these flags is done without. */
  async #arping(name: string): Promise<void> {
    const argv = ["arping", "-q", "-U", "-c", "1", "-w", "1", "-I", name, this.#ip];
    const result = await runProgram(argv, { timeout: limit });
    if (result.missing) this.#hasArping = false;
    else if (result.code !== 0) {
      this.#log.debug({ reason: result.output.slice(0, 200) }, "arping failed");
    }
  }

  /**
   * Sends a packet from the address to neighbours that are nobody, so that the kernel asks everybody
   * for them. All who know our address take its new place from that question. (A reply that nobody
   * asked for needs a raw socket, which Node.js has not.)
   */
  #ask(): Promise<void> {
    return new Promise((resolve) => {
      const socket = createSocket("udp4");
      const end = (): void => {
        socket.close();
        resolve();
      };
      socket.once("error", (error) => {
        this.#log.debug({ reason: error.message }, "address not announced");
        end();
      });
      socket.bind({ address: this.#ip, port: 0, exclusive: true }, () => {
        let left = questions;
        for (let count = 0; count < questions; count += 1) {
          socket.send("", nowhere, hostIn(this.#neighbours(), Math.random()), () => {
            left -= 1;
            if (left === 0) end();
          });
        }
      });
    });
  }

  /** The network around the address, from the interface if its own prefix says nothing. */
  #neighbours(): Ipv4Network {
    if (this.#prefix < 31) return this.#network;
    const { interface: name = "" } = this;
    const all = networkInterfaces()[name] ?? [];
    const networks = all.flatMap(({ cidr }) => parseNetwork(cidr ?? "") ?? []);
    return networks.find(({ prefix }) => prefix < 31) ?? this.#network;
  }

  #present(): { readonly name: string; readonly cidr: string } | undefined {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      const found = addresses.find(({ address }) => address === this.#ip);
      if (found !== undefined) return { name, cidr: found.cidr ?? `${this.#ip}/${this.#prefix}` };
    }
    return undefined;
  }

  #fitting(): string | undefined {
    const all = Object.entries(networkInterfaces());
    return all.find(([, addresses = []]) =>
      addresses.some(({ cidr, internal }) => {
        const network = internal ? undefined : parseNetwork(cidr ?? "");
        return network !== undefined && isInNetwork(this.#ip, network);
      }),
    )?.[0];
  }
}
