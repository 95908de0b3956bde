import { UsageError } from "../argv.js";
import type { Command, Subcommand } from "../command.js";
import { logCommand } from "../handlers/log.js";
import { rerunCommand } from "../handlers/rerun.js";
import { handlerTestCommand } from "../handlers/test.js";
import { stateText } from "../handlers/text.js";
import { formatOption, outputFormat, toJson } from "../output.js";
import { askAgent, rpcOptions } from "../rpc-options.js";

const subcommands: readonly Subcommand[] = [
  { name: "log", summary: "Show the runs on record", command: logCommand },
  { name: "rerun", summary: "Run a handler again", command: rerunCommand },
  { name: "test", summary: "Try a script out as a handler", command: handlerTestCommand },
];

export const handlersCommand: Command = {
  name: "handlers",
  usage: "[options] | COMMAND [options]",
  about:
    "Shows how each event handler of the agent fares: what it runs or waits for, how often it ran and failed, and whom it knows to be here. The exit code is 0 if the last run of each was well, and 1 if not.",
  options: [formatOption, ...rpcOptions],
  subcommands,
  epilogue: `Commands:

${subcommands.map(({ name, summary }) => `  ${name.padEnd(6)} ${summary}`).join("\n")}`,
  run: async (args, terminal) => {
    const [given] = args.positionals;
    if (subcommands.some(({ name }) => name === given)) {
      throw new UsageError(`Put ${given} before the flags: handlers ${given} [options]`);
    }
    if (given !== undefined) throw new UsageError(`There is no handlers ${given}`);
    const format = outputFormat(args);
    const answer = await askAgent(args, terminal, "Error asking for handlers", (agent) =>
      agent.ask("handlers", {}),
    );
    if (format === "json") terminal.out(`${toJson(answer)}\n`);
    else terminal.out(stateText(answer, Date.now()));
    const isWell = answer.handlers.every(({ lastRun }) => (lastRun?.result ?? "ok") === "ok");
    return isWell ? 0 : 1;
  },
};
