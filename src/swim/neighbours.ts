import type { Address } from "../base/address.js";
import { isGone, type SwimMember } from "./member.js";
import type { MemberRecord, Members } from "./members.js";

/** How many we know on each side of us: the second is there for when the first is not. */
const perSide = 2;

interface Place {
  readonly name: string;
  readonly distance: number;
}

/** The nearest on each side, in order; at most {@link perSide} each. */
interface Sides {
  readonly after: Place[];
  readonly before: Place[];
}

/**
 * The members next to us on a ring that all see alike, in whatever order they learned of each other:
 * the ring of all addresses, each at a place that is made of its bytes.
 *
 * Copies that go to members drawn by chance leave somebody out now and then: of 8 copies by everyone,
 * one member in 3,000 gets none. If everyone sends one to each of its neighbours as well, a member is
 * missed only if nobody next to it has heard it either, or is there (Voulgaris and van Steen, Hybrid
 * Dissemination, Middleware 2007). Members that do not do so, like Serf's, still are somebody's neighbours.
 */
export class Neighbours {
  readonly #members: Members;
  readonly #local: SwimMember;
  /** Undefined until somebody asks, and again when one of them has gone. */
  #sides: Sides | undefined;

  constructor(members: Members, local: SwimMember) {
    this.#members = members;
    this.#local = local;
  }

  /** One of each side at most: with `rank` 0 the nearest, with 1 the next, if they are others. */
  at(rank: number): Readonly<MemberRecord>[] {
    this.#sides ??= this.#find();
    const { after, before } = this.#sides;
    const names = new Set<string>();
    let nearer = 0;
    for (let each = 0; each <= rank; each += 1) {
      nearer = names.size;
      for (const place of [after[each], before[each]])
        if (place !== undefined) names.add(place.name);
    }
    return [...names].slice(nearer).flatMap((name) => this.#members.get(name) ?? []);
  }

  /** A member is here that was not, or not there. */
  arrive(member: SwimMember): void {
    if (this.#sides === undefined) return;
    this.depart(member);
    if (this.#sides !== undefined) this.#weigh(this.#sides, member);
  }

  /** A member is gone. Who comes next then takes a look at all, once for each that was next to us. */
  depart({ name }: SwimMember): void {
    const { after = [], before = [] } = this.#sides ?? {};
    const isIt = (place: Place): boolean => place.name === name;
    if (after.some(isIt) || before.some(isIt)) this.#sides = undefined;
  }

  #find(): Sides {
    const sides: Sides = { after: [], before: [] };
    for (const member of this.#members.all()) if (!isGone(member)) this.#weigh(sides, member);
    return sides;
  }

  #weigh({ after, before }: Sides, { address, name }: SwimMember): void {
    if (name === this.#local.name) return;
    const distance = (placeOf(address) - placeOf(this.#local.address)) >>> 0;
    insert(after, { name, distance });
    insert(before, { name, distance: ringSize - distance });
  }
}

function insert(side: Place[], place: Place): void {
  const last = side[perSide - 1];
  if (last !== undefined && last.distance <= place.distance) return;
  const index = side.findIndex(({ distance }) => distance > place.distance);
  side.splice(index < 0 ? side.length : index, 0, place);
  if (side.length > perSide) side.pop();
}

const ringSize = 2 ** 32;

/** Scattered, so that those who stand and fall together are not next to each other here (FNV-1a, mixed). */
function placeOf({ ip, port }: Address): number {
  let hash = 0x811c9dc5 ^ port;
  for (const byte of ip) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
