import { OperatorError } from "../../base/errors.js";
import { seconds } from "../../base/units.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { connectAgent, rpcOptions } from "../rpc-options.js";
import { processHost } from "./host.js";
import { LineLog, type LogLevel, logLevels } from "./line-log.js";
import { openBalancer } from "./open.js";
import { lbConfig, lbOption, orTrouble } from "./options.js";
import { Sidecar } from "./sidecar.js";

const defaultPoll = seconds(1);

/** How long a start waits for a watch or a pass that is just ending. */
const startLimit = seconds(10);

export const watchCommand: Command = {
  name: "lb watch",
  usage: "[options]",
  about:
    "Keeps the proxies in step with the members that an agent knows, until it is interrupted or terminated; the proxies go on as they are then. The agent may be one of Serf's: this needs nothing but its RPC. While the agent is away all servers stay and it is sought again. Its tag balancer tells the cluster that it may ask here whether a node is drained.",
  options: [
    lbOption,
    {
      flag: "poll",
      kind: "duration",
      placeholder: "DURATION",
      help: "How often the members are read even without an event, 1s by default: agents tell of changes up to 3s late.",
    },
    {
      flag: "log-level",
      kind: "text",
      placeholder: "LEVEL",
      value: logLevels,
      help: "The least level of the log on stdout: trace, debug, info (the default), warn or err.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => await orTrouble(terminal, 1, () => watch(args, terminal)),
};

async function watch(args: Arguments, terminal: Terminal): Promise<number> {
  const config = await lbConfig(args, terminal);
  const log = new LineLog(levelOf(args), (line) => terminal.out(line));
  const poll = args.duration("poll") ?? defaultPoll;
  if (poll < 50) throw new OperatorError("-poll must be 50ms or more");
  const stopped = ended(terminal);
  let claimed = "";
  let tell = (_claim: string): void => {};
  const claim = (text: string): void => {
    claimed = text;
    tell(text);
  };
  const balancer = await openBalancer(config, log, "keep", startLimit, { claim });
  const { after, now } = processHost(log);
  const sidecar = new Sidecar({
    connect: () => connectAgent(args, terminal),
    balancer,
    names: config.balancers.filter(({ dryRun }) => !dryRun).map(({ name }) => name),
    servesItself: config.balancers.some(({ pools }) => pools.some((pool) => pool.includeSelf)),
    settleTime: config.settleTime,
    settleLimit: config.settleLimit,
    poll,
    claim: () => claimed,
    log,
    now,
    after,
  });
  tell = (text) => void sidecar.tell(text);
  try {
    await sidecar.run(stopped);
  } finally {
    await balancer.stop();
  }
  return 0;
}

function levelOf(args: Arguments): LogLevel {
  const given = args.text("log-level") ?? "info";
  const level = logLevels.find((one) => one === given.toLowerCase());
  if (level === undefined) throw new OperatorError(`Unknown log level: ${given}`);
  return level;
}

/** Resolves when the user interrupts or the process is to end. */
function ended(terminal: Terminal): Promise<void> {
  return new Promise((resolve) => {
    terminal.onInterrupt(resolve);
    terminal.onTerminate?.(resolve);
  });
}
