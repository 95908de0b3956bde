import { formatDuration } from "../../base/duration.js";
import { type Millis, seconds } from "../../base/units.js";
import type { SelfInfo } from "../../observe/member-info.js";
import { type RpcClient, UnknownTopicError } from "../../rpc/client.js";
import { UsageError } from "../argv.js";
import type { Command } from "../command.js";
import { escapeControls } from "../output.js";
import { connectAgent, introduce, rpcOptions } from "../rpc-options.js";

/** Whoever asks kills a check that takes longer, and would not see why. */
const defaultTimeout: Millis = seconds(3);

export const healthCommand: Command = {
  name: "health",
  usage: "[options]",
  about:
    "Says in one line whether the local agent is well, for a container's HEALTHCHECK and for probes: it answers, it has joined somebody if it was told whom to join, and its tag state is not 'starting', so that the application which it runs has passed its checks. The exit code is 0 if so, otherwise 1. That members fail or that nobody is heard any more is no fault of this one: it stays healthy.",
  options: [
    {
      flag: "ready",
      kind: "switch",
      help: "Not while it is 'draining' or in 'maint' either: for a readiness probe, which decides about traffic.",
    },
    {
      flag: "timeout",
      kind: "duration",
      placeholder: "DURATION",
      help: `How long the agent may take for an answer. Default ${formatDuration(defaultTimeout)}.`,
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    if (args.positionals.length > 0) throw new UsageError("Only the local agent can be asked.");
    const patience = args.duration("timeout") ?? defaultTimeout;
    const agent = await connectAgent(args, terminal, { connect: patience, answer: patience });
    try {
      const standing = await introduce("Error querying agent", () => lookAt(agent));
      const fault = faultOf(standing, args.switched("ready") ?? false);
      const verdict = fault === undefined ? `healthy: ${wordsOf(standing)}` : `not ${fault}`;
      terminal.out(`${escapeControls(standing.name)} is ${escapeControls(verdict)}\n`);
      return fault === undefined ? 0 : 1;
    } finally {
      agent.close();
    }
  },
};

/** What is looked at. */
interface Standing {
  readonly name: string;
  /** Its tag of that name; empty if it has none. */
  readonly state: string;
  /** undefined: it is one of Serf's, which does not tell. */
  readonly self: Pick<SelfInfo, "joined" | "isolated" | "members"> | undefined;
}

async function lookAt(agent: RpcClient): Promise<Standing> {
  const stats = await agent.stats();
  const name = stats.get("agent")?.get("name") ?? "";
  const state = stats.get("tags")?.get("state") ?? "";
  try {
    return { name, state, self: await agent.ask("self", {}) };
  } catch (thrown) {
    if (!(thrown instanceof UnknownTopicError)) throw thrown;
    return { name, state, self: undefined };
  }
}

/** What stands after "NAME is not"; undefined if all is well. */
function faultOf({ self, state }: Standing, mustBeReady: boolean): string | undefined {
  if (self?.joined === false) {
    return "healthy: nobody whom it is to join has answered yet";
  }
  if (state === "starting") {
    return "healthy: its state is starting, the application has not passed its checks";
  }
  if (mustBeReady && (state === "draining" || state === "maint")) {
    return `ready: its state is ${state}`;
  }
  return undefined;
}

function wordsOf({ self, state }: Standing): string {
  const company =
    self === undefined
      ? "it answers"
      : `${self.members.alive} ${self.members.alive === 1 ? "member" : "members"} alive`;
  const silence = self?.isolated === true ? ", but it hears nobody" : "";
  return `${company}${silence}${state === "" ? "" : `, state ${state}`}`;
}
