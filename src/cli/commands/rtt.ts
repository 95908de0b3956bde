import { distanceNanos } from "../../base/coordinate-distance.js";
import { OperatorError } from "../../base/errors.js";
import { nanosPerMilli } from "../../base/units.js";
import type { RpcCoordinate } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { UsageError } from "../argv.js";
import type { Command } from "../command.js";
import { quote } from "../go-quote.js";
import { introduce, rpcOptions, withAgent } from "../rpc-options.js";

export const rttCommand: Command = {
  name: "rtt",
  usage: "[options] NAME1 [NAME2]",
  about:
    "Estimates the round trip time between two members from the network coordinates that the agent knows, without sending anything to them. Without a second name it is that of the agent.",
  options: rpcOptions,
  positionals: "member",
  run: async (args, terminal) =>
    await withAgent(args, terminal, async (agent) => {
      const [one, second, ...more] = args.positionals;
      if (one === undefined || more.length > 0) {
        throw new UsageError("One or two node names must be specified");
      }
      const other = second ?? (await ownName(agent));
      const from = await coordinateOf(agent, one);
      const to = await coordinateOf(agent, other);
      if (from.vec.length !== to.vec.length) {
        throw new OperatorError(
          `Error getting coordinates: ${from.vec.length} and ${to.vec.length} dimensions do not go together`,
        );
      }
      const rtt = (distanceNanos(from, to) / nanosPerMilli).toFixed(3);
      terminal.out(`Estimated ${one} <-> ${other} rtt: ${rtt} ms\n`);
      return 0;
    }),
};

async function ownName(agent: RpcClient): Promise<string> {
  const stats = await introduce("Error querying agent", () => agent.stats());
  return stats.get("agent")?.get("name") ?? "";
}

async function coordinateOf(agent: RpcClient, node: string): Promise<RpcCoordinate> {
  const coordinate = await introduce("Error getting coordinates", () => agent.coordinate(node));
  if (coordinate !== undefined) return coordinate;
  throw new OperatorError(`Could not find a coordinate for node ${quote(node)}`);
}
