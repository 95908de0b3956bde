import { compareTexts } from "../base/compare-texts.js";
import type { PoolConfig } from "./config.js";
import type { LbMember, Refusal, View } from "./model.js";
import { selects } from "./selector.js";
import {
  type Checked,
  oneLine,
  quoted,
  readIp,
  readNodeName,
  readPort,
  readTag,
  readWeight,
  templateTags,
} from "./values.js";

/** Where requests for a member go; its identity is node, ip and port. */
export interface Endpoint {
  readonly node: string;
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly tags: ReadonlyMap<string, string>;
}

/**
 * What a member wants for itself, by its status and its tag `state`. `left`: it is leaving. A weight of
 * 0 is `draining`, which is what proxies make of it.
 */
export type Wish = "ready" | "draining" | "maintenance" | "starting" | "left" | "failed";

/** A member that matches a pool and whose values are all right. */
export interface Candidate extends Endpoint {
  readonly wish: Wish;
  readonly suspected: boolean;
  /** Of an exclusive pool: the number in its epoch tag; undefined if it has none. */
  readonly epoch: number | undefined;
}

/**
 * Why a member has no candidate where it had one: it left, its tags match no more, its values are
 * refused, somebody else has its address now, it is at another address, or nobody knows of it.
 */
export type Whereabouts =
  | "left"
  | "unmatched"
  | "refused"
  | "replaced"
  | "moved"
  | "failed"
  | "vanished";

/** A member, and what is the same of it for every pool: checked once, when it is first asked for. */
class RosterMember {
  readonly member: LbMember;
  #node: Checked<string> | undefined;
  #ip: Checked<string> | undefined;
  #tags: ReadonlyMap<string, string> | undefined;

  constructor(member: LbMember) {
    this.member = member;
  }

  get node(): Checked<string> {
    this.#node ??= readNodeName(this.member.name);
    return this.#node;
  }

  get ip(): Checked<string> {
    this.#ip ??= readIp(this.member.ip);
    return this.#ip;
  }

  /** Those that a template may print. */
  get tags(): ReadonlyMap<string, string> {
    this.#tags ??= templateTags(this.member.tags);
    return this.#tags;
  }
}

/** The members of a view in one order, whatever order they came in; one per name. */
export interface Roster {
  readonly byName: ReadonlyMap<string, RosterMember>;
  readonly self: string;
}

export function rosterOf({ members, self }: View): Roster {
  const sorted = [...members].sort(
    (one, other) =>
      compareTexts(one.name, other.name) ||
      compareTexts(one.status, other.status) ||
      compareTexts(one.ip, other.ip),
  );
  const byName = new Map<string, RosterMember>();
  for (const member of sorted) {
    if (member.status === "none" || byName.has(member.name)) continue;
    byName.set(member.name, new RosterMember(member));
  }
  return { byName, self };
}

/** The identity of a server as a key; none of its parts can contain the blank. */
export function keyOf({ node, ip, port }: Pick<Endpoint, "node" | "ip" | "port">): string {
  return `${node} ${ip} ${port}`;
}

/** At most so many refusals of one pool are told one by one. */
const maxRefusals = 100;

/** What the members of a view are to one pool. */
export class Candidates {
  /** By {@link keyOf}; in the order of names. */
  readonly byKey: ReadonlyMap<string, Candidate>;
  readonly refused: readonly Refusal[];
  readonly #roster: Roster;
  readonly #nodes: ReadonlySet<string>;
  readonly #taken: ReadonlySet<string>;
  readonly #refusedNodes: ReadonlySet<string>;
  readonly #replaced: ReadonlySet<string>;

  private constructor(roster: Roster, sorting: Sorting) {
    this.#roster = roster;
    this.byKey = new Map(sorting.accepted.map((candidate) => [keyOf(candidate), candidate]));
    this.refused = sorting.refusals;
    this.#nodes = new Set(sorting.accepted.map(({ node }) => node));
    this.#taken = sorting.taken;
    this.#refusedNodes = sorting.refusedNodes;
    this.#replaced = sorting.replaced;
  }

  static of(pool: PoolConfig, roster: Roster): Candidates {
    return new Candidates(roster, new Sorter(pool, roster).sort());
  }

  /** Whether somebody who lives is at this address. */
  isTaken(endpoint: Endpoint): boolean {
    return this.#taken.has(addressOf(endpoint));
  }

  /** What became of a member that has no candidate at the address where it had one. */
  whereabouts(node: string): Whereabouts {
    const member = this.#roster.byName.get(node)?.member;
    if (member === undefined) return "vanished";
    if (this.#nodes.has(node)) return "moved";
    if (this.#replaced.has(node)) return "replaced";
    if (member.status === "failed") return "failed";
    if (this.#refusedNodes.has(node)) return "refused";
    return member.status === "left" ? "left" : "unmatched";
  }
}

interface Sorting {
  readonly accepted: readonly Candidate[];
  readonly refusals: readonly Refusal[];
  readonly refusedNodes: ReadonlySet<string>;
  readonly replaced: ReadonlySet<string>;
  /** Addresses at which somebody lives. */
  readonly taken: ReadonlySet<string>;
}

interface Ranked {
  readonly candidate: Candidate;
  readonly alive: boolean;
  /** The address is the member's own, not one that it only names in a tag. */
  readonly atHome: boolean;
}

/** Sorts the members that match a pool into candidates and refusals. */
class Sorter {
  readonly #pool: PoolConfig;
  readonly #roster: Roster;
  readonly #refusals: Refusal[] = [];
  readonly #refusedNodes = new Set<string>();
  readonly #replaced = new Set<string>();

  constructor(pool: PoolConfig, roster: Roster) {
    this.#pool = pool;
    this.#roster = roster;
  }

  sort(): Sorting {
    const { includeSelf, select } = this.#pool;
    const read: Ranked[] = [];
    for (const one of this.#roster.byName.values()) {
      const { member } = one;
      if (member.status === "left" || (member.name === this.#roster.self && !includeSelf)) continue;
      if (!selects(select, member.tags)) continue;
      const ranked = this.#read(one);
      if (ranked !== undefined) read.push(ranked);
    }
    const accepted = this.#limit(this.#dedupe(read));
    const refusals = this.#refusals.sort((one, other) => compareTexts(one.node, other.node));
    const more = refusals.length - maxRefusals;
    if (more > 0) {
      const reason = `${more} more members are refused; the first ${maxRefusals} are told one by one`;
      refusals.splice(maxRefusals, more, { pool: this.#pool.name, node: "", reason });
    }
    return {
      accepted,
      refusals,
      refusedNodes: this.#refusedNodes,
      replaced: this.#replaced,
      taken: new Set(accepted.filter(isAlive).map(addressOf)),
    };
  }

  #read(one: RosterMember): Ranked | undefined {
    const { member } = one;
    const { tags, status, suspected } = member;
    const { addressTag, portTag, weightTag, exclusive, port, weight } = this.#pool;
    const faults: string[] = [];
    const value = <T>(checked: Checked<T>, where: string): T | undefined => {
      if (checked.fault === undefined) return checked.value;
      faults.push(`${where}${checked.fault}`);
      return undefined;
    };
    const node = value(one.node, "");
    const addressed = tags.get(addressTag);
    const ip = value(
      addressed === undefined ? one.ip : readIp(addressed),
      addressed === undefined ? "address " : `tag ${addressTag}: `,
    );
    const ported = tags.get(portTag);
    const readPorted = ported === undefined ? port : value(readPort(ported), `tag ${portTag}: `);
    if (ported === undefined && port === undefined) {
      faults.push(`it has no tag ${portTag}, and the pool has no port; give either`);
    }
    const weighted = tags.get(weightTag);
    const readWeighted =
      weighted === undefined ? weight : value(readWeight(weighted), `tag ${weightTag}: `);
    const epochs = exclusive === undefined ? undefined : tags.get(exclusive.epochTag);
    const epoch = epochs === undefined ? undefined : readEpoch(epochs);
    if (epochs !== undefined && epoch === undefined) {
      faults.push(
        `tag ${exclusive?.epochTag}: ${quoted(epochs)} must be a whole number of up to 15 digits`,
      );
    }
    for (const tag of this.#pool.requiredTags) {
      const text = tags.get(tag);
      // In most places of a file an empty word is a mistake.
      if (text === undefined || text === "")
        faults.push(`it has no tag ${tag}, and the pool requires it`);
      else value(readTag(text), `tag ${tag}: `);
    }
    if (
      faults.length > 0 ||
      node === undefined ||
      ip === undefined ||
      readPorted === undefined ||
      readWeighted === undefined
    ) {
      // What is wrong with somebody who is dead helps nobody.
      if (status === "alive") this.#refuse(member.name, faults.join("; "));
      return undefined;
    }
    const wish = wishOf(member, readWeighted);
    const candidate: Candidate = {
      node,
      ip,
      port: readPorted,
      weight: readWeighted,
      tags: one.tags,
      wish,
      suspected: suspected && wish === "ready",
      epoch,
    };
    return { candidate, alive: status === "alive", atHome: addressed === undefined };
  }

  /** One living server per address and port; of dead ones it is open who was there last. */
  #dedupe(read: readonly Ranked[]): readonly Candidate[] {
    const holders = new Map<string, Ranked>();
    for (const ranked of read) {
      if (!ranked.alive) continue;
      const address = addressOf(ranked.candidate);
      const holder = holders.get(address);
      if (holder === undefined || claimOf(ranked) > claimOf(holder)) holders.set(address, ranked);
    }
    return read.flatMap((ranked) => {
      const { candidate, alive } = ranked;
      const holder = holders.get(addressOf(candidate));
      if (holder === undefined || holder === ranked) return [candidate];
      const { node, ip, port } = candidate;
      this.#replaced.add(node);
      if (alive) {
        this.#refuse(
          node,
          `${ip} port ${port} is the server of ${holder.candidate.node} already; give each member an address or port of its own`,
        );
      }
      return [];
    });
  }

  /** What failed takes no place. */
  #limit(sorted: readonly Candidate[]): readonly Candidate[] {
    const { maxServers } = this.#pool;
    let count = 0;
    return sorted.filter(({ node, wish }) => {
      if (wish === "failed") return true;
      count += 1;
      if (count <= maxServers) return true;
      this.#refuse(
        node,
        `the pool is full: max_servers is ${maxServers}, the first by name are in it`,
      );
      return false;
    });
  }

  #refuse(name: string, reason: string): void {
    this.#refusedNodes.add(name);
    const node = oneLine(name, 64);
    this.#refusals.push({ pool: this.#pool.name, node, reason: oneLine(reason, 300) });
  }
}

/** Who is at home at an address has more of a right to it, then who serves there; then the first by name. */
function claimOf({ atHome, candidate }: Ranked): number {
  return (atHome ? 2 : 0) + (candidate.wish === "ready" ? 1 : 0);
}

function isAlive({ wish }: Candidate): boolean {
  return wish !== "failed" && wish !== "left";
}

function addressOf({ ip, port }: Pick<Endpoint, "ip" | "port">): string {
  return `${ip} ${port}`;
}

function readEpoch(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** loadbalancer.md section 3.3. A state that we do not know is one in which it must not get requests. */
function wishOf({ status, tags }: LbMember, weight: number): Wish {
  if (status === "failed") return "failed";
  if (status !== "alive") return "left";
  switch (tags.get("state")) {
    case undefined:
    case "ready":
      return weight === 0 ? "draining" : "ready";
    case "draining":
      return "draining";
    case "starting":
      return "starting";
    default:
      return "maintenance";
  }
}
