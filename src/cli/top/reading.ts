import { formatAddress } from "../../base/address.js";
import { compareTexts } from "../../base/compare-texts.js";
import { distanceNanos } from "../../base/coordinate-distance.js";
import { OperatorError } from "../../base/errors.js";
import { type Millis, nanosPerMilli, seconds } from "../../base/units.js";
import type { BalancerStatus } from "../../lb/status.js";
import type { HandlerState } from "../../observe/handler-run.js";
import type { SelfInfo } from "../../observe/member-info.js";
import type { MemberFilter, RpcCoordinate, RpcMember, Stats } from "../../rpc/api.js";
import { type RpcClient, UnknownTopicError } from "../../rpc/client.js";
import { processRuns, staleness, statusOf } from "../lb/status-file.js";
import { toObject } from "../output.js";
import { introduce } from "../rpc-options.js";

/** All that is shown of an agent at one time. What an agent of Serf does not know is null. */
export interface Reading {
  /** ISO 8601. */
  readonly at: string;
  readonly node: string;
  readonly self: SelfInfo | null;
  /** Lifeguard's score; null if the agent does not tell. */
  readonly health: number | null;
  readonly encrypted: boolean;
  /** Sorted by name. */
  readonly members: readonly MemberReading[];
  readonly handlers: readonly HandlerState[] | null;
  /** Null without any, or if they are not to be read here. */
  readonly balancers: readonly BalancerStatus[] | null;
}

export interface MemberReading {
  readonly name: string;
  readonly address: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
  /** As the network coordinates estimate it. */
  readonly rttMillis: Millis | null;
  /** Of the agent's last ping. */
  readonly lastRttMillis: Millis | null;
  readonly lostProbes: number | null;
  readonly suspectedBy: readonly string[];
  /** ISO 8601. */
  readonly suspectedSince: string | null;
}

/** Members whose coordinates are asked for one by one; with more of them there are no times. */
const maxCoordinates = 200;

/** How long coordinates are good enough, which change slowly. */
const coordinateAge: Millis = seconds(10);

/** Reads what is shown, again and again. */
export class TopReader {
  readonly #filter: MemberFilter;
  readonly #rtts = new Map<string, Millis>();
  #rttsAt: number | undefined;

  constructor(filter: MemberFilter) {
    this.#filter = filter;
  }

  async read(agent: RpcClient): Promise<Reading> {
    const stats = await introduce("Error querying agent", () => agent.stats());
    const node = stats.get("agent")?.get("name") ?? "";
    const self = await known(() => agent.ask("self", {}));
    const health = Number(stats.get("serf")?.get("health_score") ?? "");
    return {
      at: new Date().toISOString(),
      node,
      self: self ?? null,
      health: Number.isNaN(health) ? null : health,
      encrypted: stats.get("serf")?.get("encrypted") === "true",
      members: await this.#members(agent, node, self !== undefined),
      handlers: (self && (await known(() => agent.ask("handlers", {}))))?.handlers ?? null,
      balancers: balancersIn(stats),
    };
  }

  async #members(agent: RpcClient, node: string, isOurs: boolean): Promise<MemberReading[]> {
    if (isOurs) {
      const { name, status, tags } = this.#filter;
      const { members } = await introduce("Error retrieving members", () =>
        agent.ask("members", {
          ...(name === "" ? {} : { name }),
          ...(status === "" ? {} : { status }),
          tags: Object.fromEntries(tags),
        }),
      );
      return [...members];
    }
    const found = await introduce("Error retrieving members", () =>
      agent.membersFiltered(this.#filter),
    );
    await this.#estimate(agent, node, found);
    return found
      .toSorted((one, other) => compareTexts(one.name, other.name))
      .map(({ name, addr, port, status, tags }) => ({
        name,
        address: formatAddress({ ip: addr, port }),
        status,
        tags: toObject(tags) as Readonly<Record<string, string>>,
        rttMillis: this.#rtts.get(name) ?? null,
        lastRttMillis: null,
        lostProbes: null,
        suspectedBy: [],
        suspectedSince: null,
      }));
  }

  /** An agent of Serf tells where each member is, one by one. */
  async #estimate(agent: RpcClient, node: string, members: readonly RpcMember[]): Promise<void> {
    const now = performance.now();
    if (this.#rttsAt !== undefined && now - this.#rttsAt < coordinateAge) return;
    this.#rttsAt = now;
    this.#rtts.clear();
    if (members.length > maxCoordinates) return;
    const own = await coordinateOf(agent, node);
    if (own === undefined) return;
    for (const { name, status } of members) {
      if (name === node || status !== "alive") continue;
      const other = await coordinateOf(agent, name);
      if (other === undefined || other.vec.length !== own.vec.length) continue;
      this.#rtts.set(name, distanceNanos(own, other) / nanosPerMilli);
    }
  }
}

/** Undefined if the agent cannot tell: coordinates may be switched off. */
async function coordinateOf(agent: RpcClient, node: string): Promise<RpcCoordinate | undefined> {
  try {
    return await agent.coordinate(node);
  } catch (thrown) {
    if (thrown instanceof OperatorError) return undefined;
    throw thrown;
  }
}

/** Undefined if the agent is one of Serf's, or too old to know. */
async function known<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof UnknownTopicError) return undefined;
    if (thrown instanceof OperatorError && thrown.message.includes("knows no topic"))
      return undefined;
    throw thrown;
  }
}

function balancersIn(stats: Stats): readonly BalancerStatus[] | null {
  try {
    const status = statusOf(stats);
    if (status === undefined || staleness(status, new Date(), processRuns) !== undefined)
      return null;
    return status.balancers;
  } catch (thrown) {
    if (thrown instanceof OperatorError) return null;
    throw thrown;
  }
}
