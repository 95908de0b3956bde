import { type Millis, seconds } from "../../base/units.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command } from "../command.js";
import { formatOption, outputFormat, toJson } from "../output.js";
import { askAgent, rpcOptions } from "../rpc-options.js";
import { rerunText } from "./text.js";

const defaultWait: Millis = seconds(30);
const longestWait: Millis = seconds(60);

export const rerunCommand: Command = {
  name: "handlers rerun",
  usage: "[options] [RUN|SCRIPT]",
  mixed: true,
  about:
    "Has the agent run a handler again for what it was run for, with the members as they are now: members that a join told of and that are not alive any more are left out, and those of a loss that are back. RUN is a number of handlers log; of SCRIPT the last run that failed is meant, or else the last; without either the last that failed at all. Payloads are remembered only while the agent runs, and a query cannot be answered twice. The exit code is 0 if it succeeded, 1 if it failed or there is nothing to run, and 2 if it had not ended in time.",
  options: [
    {
      flag: "wait",
      kind: "duration",
      placeholder: "DURATION",
      help: "How long to wait for its end, at most 60s. Default 30s.",
    },
    formatOption,
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const format = outputFormat(args);
    const wait = args.duration("wait") ?? defaultWait;
    if (wait < 0 || wait > longestWait) throw new UsageError("-wait is a time of up to 60s.");
    const answer = await askAgent(args, terminal, "Error running a handler again", (agent) =>
      agent.ask("handlers-rerun", { ...meant(args), wait }, wait + seconds(10)),
    );
    if (format === "json") terminal.out(`${toJson(answer)}\n`);
    else terminal.out(rerunText(answer));
    if (answer.run === null) return 2;
    return answer.run.result === "ok" ? 0 : 1;
  },
};

function meant({ positionals: [given, ...others] }: Arguments): { id?: number; script?: string } {
  if (others.length > 0) throw new UsageError("Give one run, or one script as a single argument.");
  if (given === undefined) return {};
  return /^\d+$/.test(given) ? { id: Number(given) } : { script: given };
}
