import { formatAddress, formatIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";
import type { Instant, Millis } from "../base/units.js";
import type { Chronicle, WallTime } from "../observe/chronicle.js";
import type { MemberCounts, MemberInfo } from "../observe/member-info.js";
import type { Topics } from "../observe/topics.js";
import type { Member } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import type { OpenSuspicion } from "../swim/swim.js";
import { memberPredicate } from "./member-patterns.js";

export interface MemberInfosParts {
  readonly serf: Pick<Serf, "local" | "member" | "members" | "rtt" | "suspicions">;
  readonly chronicle: Pick<Chronicle, "lastRoundTrip" | "since">;
  readonly now: () => Instant;
  readonly wallClock: () => WallTime;
  /** False: the estimates of {@link Serf.rtt} mean nothing. */
  readonly coordinates: boolean;
}

type MembersAsk = Partial<Topics["members"]["ask"]>;

/** What the agent knows of the members, with what it measured and heard of them. */
export class MemberInfos {
  readonly #parts: MemberInfosParts;

  constructor(parts: MemberInfosParts) {
    this.#parts = parts;
  }

  /** Sorted by name. Throws {@link OperatorError} if `ask` is not what it has to be. */
  matching(ask: MembersAsk): readonly MemberInfo[] {
    const isWanted = memberPredicate({
      name: patternOf("name", ask.name),
      status: patternOf("status", ask.status),
      tags: tagPatternsOf(ask.tags),
    });
    return this.#describeAll(this.#parts.serf.members().filter(isWanted));
  }

  /** Those that are remembered, by name. */
  named(names: readonly string[]): ReadonlyMap<string, MemberInfo> {
    const known = names.map((name) => this.#parts.serf.member(name));
    const infos = this.#describeAll(known.filter((member) => member !== undefined));
    return new Map(infos.map((info) => [info.name, info]));
  }

  counts(): MemberCounts {
    const { serf } = this.#parts;
    const counts = { alive: 0, leaving: 0, left: 0, failed: 0, suspected: 0 };
    for (const { status } of serf.members()) if (status !== "none") counts[status] += 1;
    for (const _ of serf.suspicions()) counts.suspected += 1;
    return counts;
  }

  #describeAll(members: readonly Member[]): MemberInfo[] {
    const suspicions = this.#suspicions();
    const lost = this.#lostProbes();
    return members.map((member) => this.#describe(member, suspicions.get(member.name), lost));
  }

  #describe(
    member: Member,
    suspicion: OpenSuspicion | undefined,
    lost: ReadonlyMap<string, number>,
  ): MemberInfo {
    const { chronicle, now, wallClock } = this.#parts;
    const { address, delegate, name, protocol, status, tags } = member;
    const last = chronicle.lastRoundTrip(name);
    const since = suspicion && wallClock() - (now() - suspicion.since);
    return {
      name,
      address: formatAddress(address),
      ip: formatIp(address.ip),
      port: address.port,
      status,
      tags: Object.fromEntries(tags),
      protocol,
      delegate,
      rttMillis: this.#estimate(name),
      lastRttMillis: last === undefined ? null : rounded(last.rtt),
      lastAckedAt: last === undefined ? null : isoTime(last.at),
      lostProbes: lost.get(name) ?? 0,
      suspectedBy: suspicion?.accusers ?? [],
      suspectedSince: since === undefined ? null : isoTime(since),
    };
  }

  #estimate(name: string): Millis | null {
    const { coordinates, serf } = this.#parts;
    const self = serf.local.name;
    const rtt = coordinates && name !== self ? serf.rtt(self, name) : undefined;
    return rtt === undefined ? null : rounded(rtt);
  }

  #suspicions(): ReadonlyMap<string, OpenSuspicion> {
    return new Map(Array.from(this.#parts.serf.suspicions(), (one) => [one.node, one]));
  }

  #lostProbes(): ReadonlyMap<string, number> {
    const lost = new Map<string, number>();
    for (const { deed } of this.#parts.chronicle.since(0)) {
      if (deed.kind !== "probe" || deed.outcome !== "lost") continue;
      lost.set(deed.node, (lost.get(deed.node) ?? 0) + 1);
    }
    return lost;
  }
}

/** ISO 8601 in UTC. */
export function isoTime(at: WallTime): string {
  return new Date(at).toISOString();
}

/** To a microsecond: what is below says nothing. */
function rounded(rtt: Millis): Millis {
  return Math.round(rtt * 1_000) / 1_000;
}

function patternOf(what: string, asked: unknown): string {
  if (asked === undefined) return "";
  if (typeof asked !== "string") throw new OperatorError(`${what} is no expression`);
  return asked;
}

function tagPatternsOf(asked: unknown): ReadonlyMap<string, string> {
  if (asked === undefined) return new Map();
  if (typeof asked !== "object" || asked === null || Array.isArray(asked)) {
    throw new OperatorError("tags is no object of expressions");
  }
  return new Map(Object.entries(asked).map(([tag, text]) => [tag, patternOf(`tag ${tag}`, text)]));
}
