import type { RpcClient } from "../../rpc/client.js";
import type { Command, Terminal } from "../command.js";
import { eventInfo } from "../event-info.js";
import { interrupted, introduce, rpcOptions, withAgent } from "../rpc-options.js";

const ended = `
Remote side ended the monitor! This usually means that the
remote side has exited or crashed.
`;

export const monitorCommand: Command = {
  name: "monitor",
  usage: "[options]",
  about:
    "Prints the latest log lines of the agent, then follows its log and its events until it is interrupted. Lines below the level of the agent's own log can be seen as well.",
  options: [
    {
      flag: "log-level",
      kind: "text",
      placeholder: "LEVEL",
      value: ["trace", "debug", "info", "warn", "err"],
      help: "The least level to show: trace, debug, info (the default), warn or err.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const level = args.text("log-level") ?? "INFO";
    return await withAgent(args, terminal, (agent) => follow(agent, level, terminal));
  },
};

async function follow(agent: RpcClient, level: string, terminal: Terminal): Promise<number> {
  const stopped = interrupted(terminal).then(() => 0);
  await introduce("Error starting stream", () =>
    agent.stream("*", (event) => terminal.out(eventInfo(event))),
  );
  await introduce("Error starting monitor", () =>
    agent.monitor(level, (line) => terminal.out(`${line}\n`)),
  );
  const code = await Promise.race([stopped, agent.closed.then(() => 1)]);
  if (code !== 0) terminal.out(ended);
  return code;
}
