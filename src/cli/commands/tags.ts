import { parseTagPairs, UsageError } from "../argv.js";
import type { Command } from "../command.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

export const tagsCommand: Command = {
  name: "tags",
  usage: "[options]",
  about:
    "Changes the tags of the running agent. All members learn of it; each of them gets a member-update event. Tags are deleted first, then set.",
  options: [
    {
      flag: "set",
      kind: "text",
      placeholder: "KEY=VALUE",
      repeatable: true,
      help: "Add a tag or replace its value.",
    },
    {
      flag: "delete",
      kind: "text",
      placeholder: "KEY",
      repeatable: true,
      help: "Remove a tag, if it is there.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const remove = args.texts("delete");
    if (args.texts("set").length === 0 && remove.length === 0) throw new UsageError("");
    const set = parseTagPairs(args.texts("set"));
    await askAgent(args, terminal, "Error setting tags", (agent) => agent.setTags(set, remove));
    terminal.out("Successfully updated agent tags\n");
    return 0;
  },
};
