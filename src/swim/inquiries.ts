import { type Address, formatAddress, sameAddress } from "../base/address.js";
import type { Instant } from "../base/units.js";
import type { Alive } from "../wire/swim-messages.js";
import type { Asking } from "./asking.js";
import type { MemberRecord } from "./members.js";
import type { Parts } from "./parts.js";

/** Members that are asked for at one time; claims about more are dropped, and come again. */
const maxInquiries = 64;

/** Answers and silences that are remembered; beyond, the one that was found first is forgotten. */
const maxFindings = 256;

/** Gossip intervals for which the silence of an address is good for the claim that follows. */
const silentRounds = 10;

/** What becomes of a claim that was inquired into. */
export interface InquiryListener {
  /** Nobody is left where `known` was held: the claim wins. */
  handleMove(now: Instant, known: Readonly<MemberRecord>, claim: Alive): void;
  /** Both addresses answer by the name. */
  handleConflict(now: Instant, known: Readonly<MemberRecord>, claim: Alive): void;
  /** Meanwhile the member was learned to be elsewhere, to have left, or was forgotten. */
  reconsider(now: Instant, claim: Alive): void;
}

interface Inquiry {
  readonly known: Readonly<MemberRecord>;
  readonly heldAt: Address;
  readonly claimedAt: Address;
  /** The one with the highest incarnation so far. */
  claim: Alive;
  /** Whether there was an answer from where the member is held; undefined while we wait. */
  heldAnswers: boolean | undefined;
  claimedAnswers: boolean | undefined;
}

/** What an inquiry found at the address where a member was held. */
interface Finding {
  readonly address: Address;
  readonly answered: boolean;
  readonly until: Instant;
}

/**
 * Asks before a name moves. memberlist believes no claim that gives a known member another address,
 * so that a member that was killed and returns elsewhere is not believed until it is forgotten. Here
 * the address where it was is asked for it, and so is the new one:
 *
 * - If the old one answers, nothing changes; if both do, two members use one name.
 * - If it is silent, a newer incarnation is believed, and an older one if it answers itself: who is
 *   silent cannot be the member, and who was started by a stock agent begins again at 1.
 */
export class Inquiries {
  readonly #parts: Parts;
  readonly #asking: Asking;
  readonly #listener: InquiryListener;
  /** By name; at most {@link maxInquiries}. */
  readonly #open = new Map<string, Inquiry>();
  /** By name, oldest first; at most {@link maxFindings}. */
  readonly #findings = new Map<string, Finding>();

  constructor(parts: Parts, asking: Asking, listener: InquiryListener) {
    this.#parts = parts;
    this.#asking = asking;
    this.#listener = listener;
  }

  /** Members that are inquired for. */
  get size(): number {
    return this.#open.size;
  }

  /** Looks into a claim that puts `known`, who is not us and has not left, at another address. */
  inquire(now: Instant, known: Readonly<MemberRecord>, claim: Alive): void {
    const { counters, host } = this.#parts;
    const finding = this.#findingAbout(now, known);
    if (finding?.answered === true) return;
    if (finding !== undefined && claim.incarnation > known.incarnation) {
      this.#listener.handleMove(now, known, claim);
      return;
    }
    const open = this.#open.get(known.name);
    if (open !== undefined) {
      if (claim.incarnation > open.claim.incarnation) open.claim = claim;
      return;
    }
    if (this.#open.size >= maxInquiries) {
      host.log.debug({ member: known.name }, "too many members are inquired for");
      return;
    }
    counters.inquiries += 1;
    this.#begin(now, known, claim);
  }

  #begin(now: Instant, known: Readonly<MemberRecord>, claim: Alive): void {
    const { config, host, members } = this.#parts;
    const { address: heldAt, name } = known;
    const claimedAt = { ip: claim.ip, port: claim.port };
    const inquiry: Inquiry = {
      // Of our own: it is compared with what is held in the end.
      known: members.own(known),
      heldAt,
      claimedAt,
      claim,
      heldAnswers: undefined,
      claimedAnswers: undefined,
    };
    this.#open.set(name, inquiry);
    const addresses = { held: formatAddress(heldAt), claimed: formatAddress(claimedAt) };
    host.log.debug({ member: name, ...addresses }, "member is claimed to be elsewhere");
    const time = config.timing.gossipInterval;
    this.#asking.ask(now, { name, address: heldAt }, time, (then, answered) => {
      inquiry.heldAnswers = answered;
      this.#concludeIfKnown(then, inquiry);
    });
    this.#asking.ask(now, { name, address: claimedAt }, time, (then, answered) => {
      inquiry.claimedAnswers = answered;
      this.#concludeIfKnown(then, inquiry);
    });
  }

  #concludeIfKnown(now: Instant, inquiry: Inquiry): void {
    const { claim, claimedAnswers, claimedAt, heldAnswers, heldAt, known } = inquiry;
    if (heldAnswers === undefined || claimedAnswers === undefined) return;
    const { host, members } = this.#parts;
    const { name } = known;
    this.#open.delete(name);
    this.#remember(now, known, heldAt, heldAnswers);
    const isHeldThere = members.get(name) === known && sameAddress(known.address, heldAt);
    if (!isHeldThere || known.state === "left") {
      this.#listener.reconsider(now, claim);
      return;
    }
    const isThere = claimedAnswers && sameAddress(claim, claimedAt);
    if (heldAnswers) {
      if (isThere) this.#listener.handleConflict(now, known, claim);
      else host.log.debug({ member: name }, "member answers where it is held, and nowhere else");
    } else if (isThere || claim.incarnation > known.incarnation) {
      this.#listener.handleMove(now, known, claim);
    } else {
      host.log.debug({ member: name }, "member answers nowhere, and the claim is not newer");
    }
  }

  #remember(
    now: Instant,
    { name }: Readonly<MemberRecord>,
    address: Address,
    answered: boolean,
  ): void {
    const { gossipInterval, probeInterval } = this.#parts.config.timing;
    // Each claim could be a forgery that makes us ask: once in a while must do.
    const until = now + (answered ? probeInterval : silentRounds * gossipInterval);
    this.#findings.delete(name);
    for (const oldest of this.#findings.keys()) {
      if (this.#findings.size < maxFindings) break;
      this.#findings.delete(oldest);
    }
    this.#findings.set(name, { address, answered, until });
  }

  #findingAbout(now: Instant, { address, name }: Readonly<MemberRecord>): Finding | undefined {
    const finding = this.#findings.get(name);
    if (finding === undefined) return undefined;
    if (now < finding.until && sameAddress(finding.address, address)) return finding;
    this.#findings.delete(name);
    return undefined;
  }
}
