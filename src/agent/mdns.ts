import { type Address, formatAddress } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Millis, minutes } from "../base/units.js";
import { type JoinOutcome, oneLine } from "./joiner.js";
import { MdnsLink } from "./mdns-link.js";
import { type Announcement, MdnsAnswers, peersIn, serviceName } from "./mdns-records.js";
import { systemReason } from "./system-errors.js";

/** How often others are looked for. */
const pollInterval: Millis = minutes(1);

/** How long nothing new may come until those that were found are joined. */
const quiet: Millis = 100;

/** Who is joined at once at most: whoever else there is, gossip brings, or the next poll. */
const maxFound = 64;

export interface DiscoveryParts extends Announcement {
  /** Of the component `agent.mdns`. */
  readonly log: Log;
  /** Empty for all interfaces. */
  readonly interface: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** True for ourselves and for members that are in the group already. */
  readonly isMember: (address: string) => boolean;
  /** Rejects with OperatorError while leaving. */
  readonly join: (addresses: readonly string[]) => Promise<JoinOutcome>;
}

/** Where others are asked for. */
export type Link = Pick<MdnsLink, "ask" | "close">;

/**
 * Finds the members of a cluster by multicast DNS, and is found by them (compat.md section 7.4).
 *
 * Serf tries an address once and never again. We leave members alone, and try all others whenever
 * they are found: a join may have failed, or a member may be back.
 */
export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #service: string;
  readonly #link: Link;
  /** At most {@link maxFound}. */
  readonly #found = new Set<string>();
  readonly #polls: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;
  #joining = false;

  /** Throws {@link OperatorError}. */
  static async start(parts: DiscoveryParts): Promise<Discovery> {
    const link = await MdnsLink.open(new MdnsAnswers(parts), parts);
    return new Discovery(parts, link);
  }

  /** Begins at once. */
  constructor(parts: DiscoveryParts, link: Link) {
    this.#parts = parts;
    this.#service = serviceName(parts.cluster);
    this.#link = link;
    this.#polls = setInterval(() => this.#poll(), pollInterval);
    this.#poll();
  }

  stop(): void {
    clearInterval(this.#polls);
    clearTimeout(this.#soon);
    this.#link.close();
  }

  #poll(): void {
    this.#link
      .ask(this.#service, (records) => {
        for (const peer of peersIn(records, this.#service)) this.#take(peer);
      })
      .catch((error: unknown) => {
        this.#parts.log.error({}, `Failed to poll for new hosts: ${systemReason(error)}`);
      });
  }

  #take(peer: Address): void {
    const address = formatAddress(peer);
    if (this.#parts.isMember(address) || this.#found.has(address)) return;
    if (this.#found.size >= maxFound) return;
    this.#found.add(address);
    this.#joinSoon();
  }

  #joinSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.#join(), quiet);
  }

  async #join(): Promise<void> {
    const { isMember, join, log } = this.#parts;
    if (this.#joining) return;
    const addresses = [...this.#found].filter((address) => !isMember(address));
    this.#found.clear();
    if (addresses.length === 0) return;
    this.#joining = true;
    try {
      const { contacted, failures } = await join(addresses);
      if (contacted > 0) log.info({}, `Joined ${contacted} hosts`);
      else log.error({}, `Failed to join: ${oneLine(failures)}`);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      log.error({}, `Failed to join: ${error.message}`);
    } finally {
      this.#joining = false;
      if (this.#found.size > 0) this.#joinSoon();
    }
  }
}
