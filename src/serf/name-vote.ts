import { type Address, formatAddress } from "../base/address.js";

/** Where one member believes us to be; undefined if it does not know us. */
export interface Opinion {
  readonly from: string;
  readonly address: Address | undefined;
}

/** The two that answer by one name. */
export interface Claimants {
  readonly ours: Address;
  readonly theirs: Address;
}

export interface Votes {
  /** All that answered, also those who know nothing. */
  readonly responses: number;
  readonly ours: number;
  readonly theirs: number;
}

/** `tie`: neither has more votes than the other, and we did not join the other's group. */
export type VoteVerdict = "stay" | "stop" | "tie";

export function countVotes(opinions: readonly Opinion[], { ours, theirs }: Claimants): Votes {
  const votesFor = (claimant: Address): number =>
    opinions.filter(({ address }) => address !== undefined && samePlace(address, claimant)).length;
  return { responses: opinions.length, ours: votesFor(ours), theirs: votesFor(theirs) };
}

/**
 * Whether we keep a name that another one answers by as well: with the majority of all answers
 * (protocol.md 5.12). Without any answer both of Serf's claimants end; here only the `younger` does,
 * the one that met the other by joining its group: who takes a name cannot end the one that had it.
 */
export function judgeVotes({ ours, responses, theirs }: Votes, younger: boolean): VoteVerdict {
  if (ours >= majorityOf(responses)) return "stay";
  if (younger) return "stop";
  if (responses === 0) return "stay";
  return ours === theirs ? "tie" : "stop";
}

export function majorityOf(responses: number): number {
  return Math.floor(responses / 2) + 1;
}

/** Who stays when the tie does not go away: any rule does that both claimants decide alike by. */
export function winsTie({ ours, theirs }: Claimants): boolean {
  return formatAddress(ours) <= formatAddress(theirs);
}

/** True for one place, whichever form of its IPv4 address was announced. */
export function samePlace(one: Address, other: Address): boolean {
  return formatAddress(one) === formatAddress(other);
}
