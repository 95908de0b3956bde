import type { Address } from "../base/address.js";
import type { Bytes } from "../base/units.js";
import type { RemoteState } from "../wire/swim-messages.js";

/** Somebody says, or holds from before, that our name belongs to another address. */
export interface Rival {
  readonly address: Address;
  readonly incarnation: number;
  readonly meta: Bytes;
  readonly versions: Bytes;
  readonly state: RemoteState;
  /** How we heard of it: in gossip, in a push/pull, or in one that we joined a group with. */
  readonly source: ClaimSource;
}

export type ClaimSource = "gossip" | "exchange" | "join";
