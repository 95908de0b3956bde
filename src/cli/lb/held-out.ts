import { OperatorError } from "../../base/errors.js";
import type { LbStatus } from "../../lb/status.js";
import type { RpcClient } from "../../rpc/client.js";
import { statusOf } from "./status-file.js";

/** A balancer that gives a member no requests, since it came and went too often. */
export interface HeldOut {
  readonly balancer: string;
  readonly penalty: number;
  /** ISO 8601. */
  readonly until: string;
}

/**
 * The members that balancers of this agent hold out. None if it has no balancer, or is on another machine,
 * where its file is not to be read.
 */
export async function heldOut(agent: RpcClient): Promise<Map<string, HeldOut[]>> {
  try {
    return heldIn(statusOf(await agent.stats())?.balancers ?? []);
  } catch (thrown) {
    if (thrown instanceof OperatorError) return new Map();
    throw thrown;
  }
}

function heldIn(balancers: LbStatus["balancers"]): Map<string, HeldOut[]> {
  const held = new Map<string, HeldOut[]>();
  for (const { name, damped } of balancers) {
    for (const { node, penalty, until } of damped) {
      if (until === null) continue;
      const one = { balancer: name, penalty, until };
      held.set(node, [...(held.get(node) ?? []), one]);
    }
  }
  return held;
}

/** `held out of edge, api until 12:00:05`, in local time. */
export function heldText(holds: readonly HeldOut[]): string {
  const names = holds.map(({ balancer }) => balancer).join(", ");
  const last = Math.max(...holds.map(({ until }) => Date.parse(until)));
  return `held out of ${names} until ${new Date(last).toTimeString().slice(0, 8)}`;
}
