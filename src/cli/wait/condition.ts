import type { RpcClient } from "../../rpc/client.js";

/** Something that a script waits for. */
export interface Condition {
  /** Looks once. Rejects with OperatorError if that is not possible, now or for good. */
  look(agent: RpcClient): Promise<Finding>;
}

export interface Finding {
  readonly holds: boolean;
  /** How things are, in a few words: `3 of 5 members are alive`. */
  readonly words: string;
}
