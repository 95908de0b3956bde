import { UsageError } from "../argv.js";
import type { Command } from "../command.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

export const joinCommand: Command = {
  name: "join",
  usage: "[options] ADDRESS...",
  about:
    "Makes the agent join the cluster of which the addresses are members. One that answers is enough.",
  options: [
    {
      flag: "replay",
      kind: "switch",
      help: "Deliver user events that happened before the join to this agent as well.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    if (args.positionals.length === 0) {
      throw new UsageError("At least one address to join must be specified.");
    }
    const replay = args.switched("replay") ?? false;
    const count = await askAgent(args, terminal, "Error joining the cluster", (agent) =>
      agent.join(args.positionals, replay),
    );
    terminal.out(`Successfully joined cluster by contacting ${count} nodes.\n`);
    return 0;
  },
};
