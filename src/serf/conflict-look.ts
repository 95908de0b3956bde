import type { Address } from "../base/address.js";
import type { Instant, Millis } from "../base/units.js";
import type { Question } from "../swim/asking.js";
import type { QueryMessage } from "../wire/serf-messages.js";
import { decodeText } from "../wire/text.js";
import type { Membership } from "./membership.js";
import { samePlace } from "./name-vote.js";

/** Looks at one time; who asks beyond is answered with what we hold. */
const maxLooks = 16;

export interface ConflictLookParts {
  readonly self: string;
  readonly membership: Membership;
  /** As {@link SwimConfig.inquires}. */
  readonly inquires: boolean;
  /** How long we wait for an answer. */
  readonly patience: Millis;
  ask(
    now: Instant,
    question: Question,
    time: Millis,
    done: (now: Instant, answered: boolean) => void,
  ): void;
  /** Exchanges all with who is at `address`. */
  exchange(now: Instant, address: Address): void;
}

/**
 * A claimant that asks the members where they hold its name may be a stock agent that was killed and
 * has returned elsewhere: if they answer with what they hold, it ends itself. So we look before we
 * answer. If nobody is left where we hold it, and the claimant answers by the name, it is right.
 */
export class ConflictLook {
  readonly #parts: ConflictLookParts;
  #open = 0;

  constructor(parts: ConflictLookParts) {
    this.#parts = parts;
  }

  /** Calls `answer` with where the claimant is, if it is right; with undefined if what we hold stands. */
  look(now: Instant, query: QueryMessage, answer: (claimedAt: Address | undefined) => void): void {
    const { ask, exchange, inquires, membership, patience, self } = this.#parts;
    const name = decodeText(query.payload ?? new Uint8Array());
    const claimedAt = { ip: query.ip, port: query.port };
    const held = membership.get(name);
    const isClaimant = query.sourceNode === name && name !== self;
    const isFree = inquires && this.#open < maxLooks;
    if (!isClaimant || !isFree || held === undefined || samePlace(held.address, claimedAt)) {
      answer(undefined);
      return;
    }
    this.#open += 1;
    let isHeldThere: boolean | undefined;
    let isClaimedThere: boolean | undefined;
    const conclude = (then: Instant): void => {
      if (isHeldThere === undefined || isClaimedThere === undefined) return;
      this.#open -= 1;
      const isRight = isClaimedThere && !isHeldThere;
      // What it says of itself, we may not have heard yet.
      if (isRight) exchange(then, claimedAt);
      answer(isRight ? claimedAt : undefined);
    };
    ask(now, { name, address: held.address }, patience, (then, answered) => {
      isHeldThere = answered;
      conclude(then);
    });
    ask(now, { name, address: claimedAt }, patience, (then, answered) => {
      isClaimedThere = answered;
      conclude(then);
    });
  }
}
