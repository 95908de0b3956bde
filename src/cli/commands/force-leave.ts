import { UsageError } from "../argv.js";
import type { Command } from "../command.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

export const forceLeaveCommand: Command = {
  name: "force-leave",
  usage: "[options] NAME",
  about:
    "Declares a member that failed, and will not come back, as left, so that nobody tries to reach it any more. A member that is alive comes back by itself. Naming an unknown member is no error.",
  options: [
    {
      flag: "prune",
      kind: "switch",
      help: "Forget the member at once instead of keeping it in the list as left.",
    },
    ...rpcOptions,
  ],
  positionals: "member",
  run: async (args, terminal) => {
    const [node] = args.positionals;
    if (node === undefined || args.positionals.length > 1) {
      throw new UsageError("A node name must be specified to force leave.");
    }
    const prune = args.switched("prune") ?? false;
    await askAgent(args, terminal, "Error force leaving", (agent) => agent.forceLeave(node, prune));
    return 0;
  },
};
