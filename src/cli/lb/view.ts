import { formatIp } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import type { LbMember, View } from "../../lb/model.js";
import type { RpcMember, Stats } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";

/** The cluster as an agent shows it now. Nobody asks that of an agent that has not joined. */
export async function readView(agent: RpcClient): Promise<View> {
  const [members, stats] = await Promise.all([agent.members(), agent.stats()]);
  return {
    self: selfOf(stats),
    members: members.map(lbMember),
    health: { isolated: false, awareness: 0 },
    joined: true,
  };
}

/** What the agent calls itself; Serf's and ours say it in the same place. */
export function selfOf(stats: Stats): string {
  const name = stats.get("agent")?.get("name");
  if (name === undefined) throw new OperatorError("the agent does not say what its name is");
  return name;
}

/** A member as the load balancer's part sees it. Over RPC nothing is known of suspicions. */
export function lbMember({ name, addr, tags, status }: RpcMember): LbMember {
  return { name, ip: formatIp(addr), tags, status: statusOf(status), suspected: false };
}

const statuses = ["none", "alive", "leaving", "left", "failed"] as const;

function statusOf(text: string): LbMember["status"] {
  return statuses.find((status) => status === text) ?? "none";
}
