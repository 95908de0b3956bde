import { sameAddress, sameBytes } from "../base/address.js";
import type { Alive, Dead, Suspect } from "../wire/swim-messages.js";
import { isGone, type SwimMember } from "./member.js";

/**
 * What to do with a claim.
 *
 * `ignore`: it is old or known. `introduce`: the first that we hear of this member. `accept`: believe
 * it and gossip it on. `confirm`: one more who suspects. `inquire`: it puts a member elsewhere, ask
 * there. `rival`: it puts us elsewhere. `refute`: it is about us and wrong.
 */
export type AliveVerdict = "ignore" | "introduce" | "accept" | "inquire" | "rival" | "refute";
export type SuspectVerdict = "ignore" | "accept" | "confirm" | "refute";
export type DeadVerdict = "ignore" | "accept" | "refute";

/** What decides besides the claim. */
export interface Knowledge {
  /** What we hold of the member that the claim names. */
  readonly known: SwimMember | undefined;
  /** True if that is ourselves. */
  readonly local: boolean;
  /** True once we have begun to leave. */
  readonly leaving: boolean;
  /**
   * True if it has been gone for so long that an alive claim cannot be one from before: memberlist
   * has forgotten it by then, and so any claim is news.
   */
  readonly lapsed: boolean;
}

/**
 * The most that name and meta of a member may take together: with more, its alive claim would not fit
 * into a packet, and no memberlist could gossip it. Stock agents stay below 512 for the meta alone.
 */
const maxDescription = 1_280;

/**
 * False for an alive claim that no real member makes. The newest memberlist looks at the versions
 * alone and at no more than three of them; but every member sends six, and passing on fewer would kill
 * a memberlist 0.2.2. Nor can anybody reach an address that is neither IPv4 nor IPv6.
 */
export function isSound({ node, ip, meta, versions }: Alive): boolean {
  const [min = 0, max = 0] = versions;
  if (versions.length !== 6 || min < 1 || max < min) return false;
  if (ip.length !== 4 && ip.length !== 16) return false;
  return node.length > 0 && node.length + (meta?.length ?? 0) <= maxDescription;
}

/** memberlist state.go, aliveNode; what that calls a conflict is inquired into here. */
export function judgeAlive(claim: Alive, knowledge: Knowledge): AliveVerdict {
  const { known, local, leaving, lapsed } = knowledge;
  if (local && leaving) return "ignore";
  // memberlist makes an entry for incarnation 0 that is dead at once; nobody can tell it from none.
  if (known === undefined) return claim.incarnation > 0 ? "introduce" : "ignore";
  if (lapsed) return claim.incarnation > 0 ? "accept" : "ignore";
  if (!sameAddress(known.address, claim)) {
    // The name of a member that left is free; that of a failed one once it is forgotten.
    if (known.state === "left") return "accept";
    return local ? "rival" : "inquire";
  }
  if (local) return judgeAliveAboutUs(claim, known);
  return claim.incarnation > known.incarnation ? "accept" : "ignore";
}

/**
 * A member that crashed and came back begins again at incarnation 1: the same number may then stand
 * for other data, and only a higher one can tell the others.
 */
function judgeAliveAboutUs(claim: Alive, known: SwimMember): AliveVerdict {
  if (claim.incarnation !== known.incarnation) {
    return claim.incarnation < known.incarnation ? "ignore" : "refute";
  }
  const same =
    sameBytes(claim.meta ?? new Uint8Array(), known.meta) &&
    sameBytes(claim.versions, known.versions);
  return same ? "ignore" : "refute";
}

/** memberlist state.go, suspectNode. */
export function judgeSuspect(claim: Suspect, { known, local }: Knowledge): SuspectVerdict {
  if (known === undefined || claim.incarnation < known.incarnation) return "ignore";
  if (known.state === "suspect") return "confirm";
  if (isGone(known)) return "ignore";
  return local ? "refute" : "accept";
}

/** memberlist state.go, deadNode. Whether it means failed or left is {@link departureOf}'s to say. */
export function judgeDead(claim: Dead, { known, local, leaving }: Knowledge): DeadVerdict {
  if (known === undefined || claim.incarnation < known.incarnation) return "ignore";
  if (isGone(known)) return "ignore";
  return local && !leaving ? "refute" : "accept";
}

/** A member that says of itself that it is dead has left. */
export function departureOf(claim: Dead): "dead" | "left" {
  return claim.from === claim.node ? "left" : "dead";
}

const highestIncarnation = 0xffff_ffff;

/**
 * The incarnation that overrides an accusation at `accused`. It is a u32: an accusation at the highest
 * one (only forged ones get there) cannot be refuted.
 */
export function refutingIncarnation(own: number, accused: number): number {
  return Math.min(Math.max(own, accused) + 1, highestIncarnation);
}
