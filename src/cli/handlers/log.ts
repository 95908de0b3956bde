import type { RunResult } from "../../observe/handler-run.js";
import type { Topics } from "../../observe/topics.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command } from "../command.js";
import { formatOption, outputFormat, toJson } from "../output.js";
import { askAgent, rpcOptions } from "../rpc-options.js";
import { logText } from "./text.js";

/** Runs that are shown if nothing else is asked for. */
const defaultLimit = 50;

const unwell: readonly RunResult[] = ["failed", "timed out", "stopped", "interrupted"];

export const logCommand: Command = {
  name: "handlers log",
  usage: "[options]",
  about:
    "Shows the runs of the agent's event handlers that are on record, oldest first: number, start, result, duration, whether it repeats another run, what it was for, and the script. The exit code is 0.",
  options: [
    {
      flag: "script",
      kind: "text",
      placeholder: "COMMAND",
      help: "Only runs of this handler, spelt as in the configuration.",
    },
    {
      flag: "node",
      kind: "text",
      value: "member",
      placeholder: "NAME",
      help: "Only runs that told of this member.",
    },
    { flag: "failed", kind: "switch", help: "Only runs that did not end well." },
    {
      flag: "since",
      kind: "duration",
      placeholder: "DURATION",
      help: "Only runs that began in this time before now.",
    },
    {
      flag: "limit",
      kind: "integer",
      placeholder: "NUMBER",
      help: `At most the last so many. Default ${defaultLimit}; 0 is all on record.`,
    },
    { flag: "output", kind: "switch", help: "Also what each script wrote, its end." },
    formatOption,
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    if (args.positionals.length > 0) throw new UsageError("handlers log takes flags only.");
    const format = outputFormat(args);
    const answer = await askAgent(args, terminal, "Error asking for runs", (agent) =>
      agent.ask("handlers-log", wanted(args)),
    );
    if (format === "json") terminal.out(`${toJson(answer)}\n`);
    else terminal.out(logText(answer.runs, args.switched("output") ?? false));
    return 0;
  },
};

function wanted(args: Arguments): Topics["handlers-log"]["ask"] {
  const [script, node, within] = [args.text("script"), args.text("node"), args.duration("since")];
  const limit = args.integer("limit") ?? defaultLimit;
  if (limit < 0) throw new UsageError("-limit must not be negative.");
  return {
    ...(script === undefined ? {} : { script }),
    ...(node === undefined ? {} : { node }),
    ...(within === undefined ? {} : { within }),
    ...(limit === 0 ? {} : { limit }),
    ...(args.switched("failed") === true ? { results: unwell } : {}),
  };
}
