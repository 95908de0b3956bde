import type { Command } from "../command.js";
import { nameAndPayload } from "../name-and-payload.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

export const eventCommand: Command = {
  name: "event",
  usage: "[options] NAME [PAYLOAD]",
  about:
    "Sends a user event to all members. Their handlers and streams get it as user:NAME, the payload on standard input. Nobody answers.",
  options: [
    {
      flag: "coalesce",
      kind: "switch",
      help: "Members that get several events of this name within a short time may deliver the last one alone. That is the default; -coalesce=false has each delivered.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const { name, payload } = nameAndPayload(args, "An event name must be specified.");
    const coalesce = args.switched("coalesce") ?? true;
    await askAgent(args, terminal, "Error sending event", (agent) =>
      agent.userEvent(name, payload, coalesce),
    );
    terminal.out(`Event '${name}' dispatched! Coalescing enabled: ${coalesce}\n`);
    return 0;
  },
};
