import { compareTexts } from "../../base/compare-texts.js";

/** The tag by which a balancer says how it stands to the address that moves. */
export const claimTag = "vip";

/**
 * `holds`: it has the address. `yields`: it has it, and would be glad to be rid of it. `ready`: it would
 * take it. `held`: it lost it lately, and takes it only if nobody else can. `unfit`: it cannot take it.
 */
const stands = ["holds", "yields", "ready", "held", "unfit"] as const;

export type Stand = (typeof stands)[number];

/** What a balancer says of itself. */
export interface Claim {
  /** Without its prefix; several pairs of balancers may have one each. */
  readonly address: string;
  readonly stand: Stand;
  /** Of who has the address, or had it: each that takes it adds one to the highest it knows. */
  readonly term: number;
}

/** A member can write what it likes: a higher term would leave nobody else a higher one. */
const highestTerm = 2 ** 40;

export function formatClaim({ address, stand, term }: Claim): string {
  return `${address} ${stand} ${term}`;
}

/** Reads what a member's tag says; undefined if it is no claim. */
export function parseClaim(text: string | undefined): Claim | undefined {
  const [address = "", word, number = "", ...more] = (text ?? "").split(" ");
  const stand = stands.find((one) => one === word);
  if (stand === undefined || more.length > 0 || !/^\d{1,13}$/.test(number)) return undefined;
  const term = Number(number);
  return term > highestTerm ? undefined : { address, stand, term };
}

/** The next that is free; the highest is never exceeded, where names decide. */
export function termAfter(terms: readonly number[]): number {
  return Math.min(highestTerm, Math.max(0, ...terms) + 1);
}

export function isHolding(stand: Stand): boolean {
  return stand === "holds" || stand === "yields";
}

/** Of several that have the address the first keeps it: the newest term, then the first name. */
export function compareClaims(
  one: { readonly name: string; readonly term: number },
  other: { readonly name: string; readonly term: number },
): number {
  return other.term - one.term || compareTexts(one.name, other.name);
}
