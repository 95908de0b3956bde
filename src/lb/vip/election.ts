import { type Instant, type Millis, minutes, seconds } from "../../base/units.js";
import type { LbMember, View } from "../model.js";
import { type Claim, claimTag, compareClaims, isHolding, parseClaim, termAfter } from "./claim.js";
import { Electorate } from "./electorate.js";

/** So many checks in a row have to fail: one may be lost with a packet. */
const fall = 2;

/** Who is second in line waits so long for the first, and so on: not all see the same at the same time. */
const perRank: Millis = seconds(1);

/**
 * How long a holder keeps the address when another has announced that it has it: what is under way ends,
 * and whoever has not heard the announcement is served. (Linux believes none that is no gratuitous ARP
 * for 1 s after it has last looked at its entry.)
 */
const overlap: Millis = 1_500;

/** Losses count so long, and each doubles the time until the next try, up to this. */
const lossMemory: Millis = minutes(5);
const longestHold: Millis = seconds(60);

/** A wish that could not be fulfilled by then is forgotten. */
const preferenceTime: Millis = seconds(30);

/** After the address could not be put on the interface. */
const failurePause: Millis = seconds(10);

/** What a node knows when it decides. */
export interface Situation {
  readonly view: View;
  /** Its proxies can be asked. */
  readonly isFit: boolean;
  /** The address is on its interface. */
  readonly hasAddress: boolean;
  /** Checks in a row in which nothing answered at the address; undefined before the first. */
  readonly silence: number | undefined;
  /** The same of the holder's own address, at the same port. */
  readonly holderSilence: number;
}

/** What is to be done; `reason` is for people, one line. */
export type Verdict =
  | { readonly kind: "take"; readonly term: number; readonly reason: string }
  | { readonly kind: "drop"; readonly reason: string }
  | { readonly kind: "hold"; readonly claim: Claim; readonly reason: string }
  | {
      readonly kind: "stand by";
      /** undefined: too early to say anything to others. */
      readonly claim: Claim | undefined;
      readonly reason: string;
    };

export interface ElectionConfig {
  /** Without its prefix. */
  readonly address: string;
  /** For how long the members have to be known before the first decision. */
  readonly settleTime: Millis;
  /** After a first loss; doubled by each further one. */
  readonly holdDown: Millis;
}

/** A member and what it claims. */
interface Claimant {
  readonly name: string;
  readonly member: LbMember;
  readonly claim: Claim;
  readonly term: number;
}

/**
 * Who of the balancers has the address that moves (loadbalancer.md section 3.10).
 *
 * Whoever has it keeps it while it can. Gossip says who that is and who comes next; the address itself
 * says whether it still serves, so that a false suspicion moves nothing, and a dead holder is replaced
 * before gossip is sure of its death. Each move has a higher term than the one before: whoever sees a
 * newer claim than its own lets go, a moment later, so that a planned move has two holders for a moment
 * rather than none.
 */
export class Election {
  readonly #config: ElectionConfig;
  readonly #electorate = new Electorate();
  /** Since when the members are known. */
  #joinedAt: Instant | undefined;
  /** Of our own last claim. */
  #term = 0;
  /** When we lost the address against our will; those of {@link lossMemory} ago are forgotten. */
  #losses: Instant[] = [];
  #preferredUntil: Instant = Number.NEGATIVE_INFINITY;
  /** An operator wants it elsewhere: that it goes is no loss. */
  #partingUntil: Instant = Number.NEGATIVE_INFINITY;
  #failedUntil: Instant = Number.NEGATIVE_INFINITY;
  /** Since when a newer claim than our own is known. */
  #supersededSince: Instant | undefined;
  /** Since when it is for us, or for one before us, to take the address. */
  #openSince: Instant | undefined;
  #isCutOff = false;
  #holder: Claimant | undefined;

  constructor(config: ElectionConfig) {
    this.#config = config;
  }

  /** Who has the address, as far as is known; undefined: nobody says so. */
  get holder(): { readonly name: string; readonly ip: string; readonly term: number } | undefined {
    const holder = this.#holder;
    return holder && { name: holder.name, ip: holder.member.ip, term: holder.term };
  }

  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** An operator wants the address here, or somewhere else. Good for one move. */
  prefer(now: Instant, isHere: boolean): void {
    this.#preferredUntil = isHere ? now + preferenceTime : Number.NEGATIVE_INFINITY;
    this.#partingUntil = isHere ? Number.NEGATIVE_INFINITY : now + preferenceTime;
  }

  /** The address is on our interface. */
  took(term: number): void {
    this.#term = term;
    this.#preferredUntil = Number.NEGATIVE_INFINITY;
    this.#openSince = undefined;
  }

  /** It could not be put there. */
  failed(now: Instant): void {
    this.#failedUntil = now + failurePause;
    this.#preferredUntil = Number.NEGATIVE_INFINITY;
  }

  decide(now: Instant, situation: Situation): Verdict {
    const { view } = situation;
    this.#isCutOff = this.#electorate.look(now, view);
    this.#losses = this.#losses.filter((at) => now - at < lossMemory);
    const claimants = this.#claimants(view);
    const others = claimants.filter(({ name }) => name !== view.self);
    this.#holder = others.filter(isPresentHolder).sort(compareClaims)[0];
    if (view.joined) this.#joinedAt ??= now;
    // What is known of others is old until they have been heard again.
    if (this.#isCutOff && this.#joinedAt !== undefined) this.#joinedAt = now;
    return situation.hasAddress
      ? this.#keep(now, situation, others)
      : this.#standBy(now, situation, others);
  }

  #keep(now: Instant, situation: Situation, others: readonly Claimant[]): Verdict {
    const { self } = situation.view;
    this.#openSince = undefined;
    this.#adopt(situation.view, others);
    if (this.#isCutOff) {
      return this.#lose(now, "fewer than half of the members are seen from here");
    }
    const rival = this.#holder;
    const isNewer =
      rival !== undefined &&
      !rival.member.suspected &&
      compareClaims(rival, { name: self, term: this.#term }) < 0;
    if (!isNewer) this.#supersededSince = undefined;
    else {
      this.#supersededSince ??= now;
      const reason = `${rival.name} has it by a newer claim`;
      if (now - this.#supersededSince >= overlap) {
        this.#supersededSince = undefined;
        return this.#isGladToLose(now, situation)
          ? { kind: "drop", reason }
          : this.#lose(now, reason);
      }
      return this.#held("holds", `${reason}, what is under way here ends`);
    }
    this.#holder = undefined;
    const unwilling = reasonToYield(situation);
    if (unwilling === undefined) return this.#held("holds", "well");
    const isOther = others.some(mayTake);
    return isOther
      ? this.#held("yields", `${unwilling}, another is to take it`)
      : this.#held("holds", `${unwilling}, but nobody else can take it`);
  }

  /** The address was here before us: our own earlier run had it, or somebody put it there by hand. */
  #adopt({ self, members, joined }: View, others: readonly Claimant[]): void {
    if (this.#term > 0 || !joined) return;
    const own = parseClaim(members.find(({ name }) => name === self)?.tags.get(claimTag));
    const isOwn = own?.address === this.#config.address && own.term > 0;
    // Not a newer claim than that of another: that one has it by right.
    const isFree = this.#holder === undefined;
    if (isOwn) this.#term = own.term;
    else if (isFree) this.#term = termAfter(others.map(({ term }) => term));
  }

  #isGladToLose(now: Instant, situation: Situation): boolean {
    const isAsked = now < this.#partingUntil;
    return isAsked || this.#term === 0 || reasonToYield(situation) !== undefined;
  }

  #lose(now: Instant, reason: string): Verdict {
    this.#losses.push(now);
    return { kind: "drop", reason };
  }

  #held(stand: "holds" | "yields", reason: string): Verdict {
    const { address } = this.#config;
    return { kind: "hold", claim: { address, stand, term: this.#term }, reason };
  }

  #standBy(now: Instant, situation: Situation, others: readonly Claimant[]): Verdict {
    this.#supersededSince = undefined;
    const unsettled = "waits to know the members";
    if (this.#joinedAt === undefined) {
      return { kind: "stand by", claim: undefined, reason: unsettled };
    }
    const unfit = this.#reasonNotToTake(now, situation);
    if (unfit !== undefined) return this.#waits("unfit", unfit);
    // Others have to know of us as well, or two take it that begin together.
    if (now - this.#joinedAt < this.#config.settleTime) return this.#waits("ready", unsettled);
    const term = termAfter([this.#term, ...others.map((one) => one.term)]);
    if (now < this.#preferredUntil) return { kind: "take", term, reason: "it was asked for here" };
    const heldUntil = this.#heldUntil();
    const stand = now < heldUntil ? "held" : "ready";
    const open = this.#opening(situation, others, stand);
    if (open.reason === undefined) {
      this.#openSince = undefined;
      return this.#waits(stand, open.instead);
    }
    this.#openSince ??= now;
    const rank = this.#rank(situation.view.self, stand, others);
    if (now - this.#openSince < rank * perRank) {
      return this.#waits(stand, `${open.reason}, and others come before`);
    }
    return { kind: "take", term, reason: open.reason };
  }

  #reasonNotToTake(now: Instant, situation: Situation): string | undefined {
    if (this.#isCutOff) return "fewer than half of the members are seen from here";
    if (now < this.#failedUntil) return "the address could not be put on the interface";
    return reasonToYield(situation);
  }

  #heldUntil(): Instant {
    const last = this.#losses.at(-1);
    if (last === undefined) return Number.NEGATIVE_INFINITY;
    const { holdDown } = this.#config;
    return last + Math.min(longestHold, holdDown * 2 ** (this.#losses.length - 1));
  }

  /** Why the address is free to be taken, or else why it is not. */
  #opening(
    { silence, holderSilence }: Situation,
    others: readonly Claimant[],
    stand: "ready" | "held",
  ): { readonly reason: string } | { readonly reason: undefined; readonly instead: string } {
    const holder = this.#holder;
    const no = (instead: string) => ({ reason: undefined, instead });
    const isSilent = silence !== undefined && silence >= fall;
    if (holder === undefined) {
      // Its last holder says that it let go: nothing is to be waited for.
      const last = others.toSorted(compareClaims)[0];
      if (last !== undefined && last.term > this.#term && last.member.status === "alive") {
        return { reason: `${last.name} has let it go` };
      }
      return isSilent
        ? { reason: "nobody has it" }
        : no(silence === 0 ? "it answers, but no member has it" : "asks whether it answers");
    }
    const { name, member, claim } = holder;
    if (claim.stand === "yields") return { reason: `${name} wants to be rid of it` };
    if (!isSilent) {
      if (!isDoubted(member)) return no(`${name} has it`);
      return no(`${name} is ${member.suspected ? "suspected" : member.status}, but it answers`);
    }
    if (isDoubted(member)) return { reason: `${name} is gone` };
    if (holderSilence < fall) return no(`${name} has it, though it does not answer from here`);
    // If it is only from here that it cannot be reached, it moves to and fro, ever more slowly.
    if (stand === "held") return no(`${name} does not answer, but it was lost here just now`);
    return { reason: `${name} does not answer` };
  }

  /** How many come before us. Those who lost it lately come last. */
  #rank(self: string, stand: "ready" | "held", others: readonly Claimant[]): number {
    const holder = this.#holder?.name;
    return others.filter(({ name, claim, member }) => {
      if (name === holder || !mayTake({ claim, member })) return false;
      if (claim.stand !== stand) return claim.stand === "ready";
      return name < self;
    }).length;
  }

  #waits(stand: "ready" | "held" | "unfit", reason: string): Verdict {
    const { address } = this.#config;
    return { kind: "stand by", claim: { address, stand, term: this.#term }, reason };
  }

  #claimants({ members }: View): readonly Claimant[] {
    return members.flatMap((member) => {
      const claim = parseClaim(member.tags.get(claimTag));
      if (claim?.address !== this.#config.address) return [];
      return [{ name: member.name, member, claim, term: claim.term }];
    });
  }
}

/** Who left with the address still on its interface has taken its agent away, not the address. */
function isPresentHolder({ claim, member }: Claimant): boolean {
  return isHolding(claim.stand) && member.status !== "left" && member.status !== "none";
}

function isDoubted({ status, suspected }: LbMember): boolean {
  return suspected || status !== "alive";
}

function mayTake({ claim, member }: Pick<Claimant, "claim" | "member">): boolean {
  const isEligible = claim.stand === "ready" || claim.stand === "held";
  return isEligible && !isDoubted(member);
}

/** Why this node should not have the address; undefined if it may. */
function reasonToYield({ isFit, view }: Situation): string | undefined {
  if (!isFit) return "the proxy here cannot be asked";
  const state = view.members.find(({ name }) => name === view.self)?.tags.get("state");
  if (state === "draining" || state === "maint" || state === "starting") return `is ${state}`;
  return undefined;
}
