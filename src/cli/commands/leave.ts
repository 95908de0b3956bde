import type { Command } from "../command.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

export const leaveCommand: Command = {
  name: "leave",
  usage: "[options]",
  about:
    "Makes the agent leave the cluster gracefully and stop. The other members see it as left, not as failed.",
  options: rpcOptions,
  run: async (args, terminal) => {
    await askAgent(args, terminal, "Error leaving", (agent) => agent.leave());
    terminal.out("Graceful leave complete\n");
    return 0;
  },
};
