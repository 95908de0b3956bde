import { runAgent } from "../../agent/run-agent.js";
import { supervision } from "../../agent/supervision.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { leavePidOne } from "../pid-one.js";
import { agentOptions, applicationOptions, givenToAgent } from "./agent.js";

/** What may still be under way at the end, a name that is looked up for one, is not waited for. */
const exitLimit = 1_000;

export const runCommand: Command = {
  name: "run",
  usage: "[options] [agent options] -- APP [ARGS...]",
  about:
    "Runs an application together with an agent, a member of the cluster that stands for it: the " +
    "main process of a container. Others see the application as ready when it is, and load " +
    "balancers send nothing more before it is stopped.",
  options: [...applicationOptions, ...agentOptions],
  epilogue: `The application:

  Gets standard input, output and error as they are; what gossipd itself has to
  say goes to standard error. It leads a process group of its own, and what it
  leaves running in that is ended with it. SERF_RPC_ADDR in its environment
  names the agent, so that it can call gossipd; the agent's secrets are not
  there. gossipd exits with its status, 128 and the number of the signal that
  ended it, 127 if there is no such program and 126 if it is none.

The tag "state":

  starting until all checks have passed, also while the application is started
  again; without a check until it runs. Then ready. Load balancers send requests
  to ready members alone. "maint" and "drain" have the last word, until "ready".

Signals:

  TERM, INT and the stop signal: the member says draining, load balancers
  confirm that they send nothing here any more (-drain-timeout, -stop-delay),
  the application is told to end (-stop-signal, -stop-timeout), then the member
  leaves. Sent once more they kill the application at once. An application that
  ends by itself and is not started again ends its member, too.
  HUP is for both: the agent reads its configuration again, the application does
  what it does. QUIT, USR1, USR2, ALRM, WINCH and CONT are the application's.
  An image whose STOPSIGNAL is one of these (nginx: QUIT, HAProxy: USR1, Apache:
  WINCH) needs it as -stop-signal, or nothing is drained when it is stopped.

Configuration:

  Every flag has a key and a variable, as those of the agent have: check_http is
  GOSSIPD_CHECK_HTTP. Of several checks each is a line of the variable, and all
  have to pass. "gossipd agent -h" tells more.`,
  run: async (args: Arguments, terminal: Terminal) => {
    const [program, ...rest] = args.positionals;
    if (program === undefined || program === "") {
      throw new UsageError("Say which application to run: gossipd run [options] -- APP [ARGS...]");
    }
    const err = (text: string): void => terminal.err(text);
    leavePidOne(err);
    const own = { program: terminal.program, out: err, err };
    const code = await runAgent(givenToAgent(args, terminal), own, supervision(program, rest));
    setTimeout(() => process.exit(code), exitLimit).unref();
    return code;
  },
};
