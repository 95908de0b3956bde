import type { Preview } from "../../lb/load-balancer.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { rpcOptions, withAgent } from "../rpc-options.js";
import { LineLog } from "./line-log.js";
import { openBalancer } from "./open.js";
import { balancerOption, lbConfig, lbOption, orTrouble } from "./options.js";
import { differs, previewText } from "./preview-text.js";
import { readView } from "./view.js";

export const renderCommand: Command = {
  name: "lb render",
  usage: "[options]",
  about:
    "Prints what the proxy's configuration file should hold for the members that the agent knows. Nothing is written. With several balancers say which.",
  options: [lbOption, balancerOption, ...rpcOptions],
  run: async (args, terminal) =>
    await orTrouble(terminal, 1, async () => {
      const [preview, ...others] = await previews(args, terminal);
      if (others.length > 0) throw new UsageError("Which balancer? Give -balancer NAME.");
      terminal.out(preview?.after ?? "");
      return 0;
    }),
};

export const diffCommand: Command = {
  name: "lb diff",
  usage: "[options]",
  about:
    "Shows what a pass would change, and changes nothing: the configuration file as a unified diff, then what the proxy would be told, which members are refused and which are held. The exit code is 0 if there is nothing to do, 1 if there is, and 2 if that cannot be told.",
  options: [lbOption, balancerOption, ...rpcOptions],
  run: async (args, terminal) =>
    await orTrouble(terminal, 2, async () => {
      const all = await previews(args, terminal);
      for (const preview of all) terminal.out(await previewText(preview));
      const isUnknown = all.some(({ observation }) => observation.trouble !== undefined);
      if (all.some(differs)) return 1;
      return isUnknown ? 2 : 0;
    }),
};

async function previews(args: Arguments, terminal: Terminal): Promise<readonly Preview[]> {
  const config = await lbConfig(args, terminal);
  const log = new LineLog("warn", (line) => terminal.err(line));
  const view = await withAgent(args, terminal, readView);
  const balancer = await openBalancer(config, log, "look");
  try {
    return await balancer.preview(view);
  } finally {
    await balancer.stop();
  }
}
