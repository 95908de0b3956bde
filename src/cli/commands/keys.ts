import { OperatorError } from "../../base/errors.js";
import type { KeyReport } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { escapeControls, escapeWord, layOut, sortedPairs } from "../output.js";
import { rpcOptions, withAgent } from "../rpc-options.js";

/** One thing that can be done with keys, and what is said about it. */
interface Operation {
  readonly begins: string;
  readonly succeeds: string;
  readonly fails: string;
  readonly run: (agent: RpcClient, key: string) => Promise<KeyReport>;
}

const operations = {
  install: {
    begins: "Installing key on all members...",
    succeeds: "Successfully installed key!",
    fails: "Error installing key",
    run: (agent, key) => agent.installKey(key),
  },
  use: {
    begins: "Changing primary key on all members...",
    succeeds: "Successfully changed primary key!",
    fails: "Error changing primary key",
    run: (agent, key) => agent.useKey(key),
  },
  remove: {
    begins: "Removing key on all members...",
    succeeds: "Successfully removed key!",
    fails: "Error removing key",
    run: (agent, key) => agent.removeKey(key),
  },
  list: {
    begins: "Asking all members for installed keys...",
    succeeds: "Keys gathered, listing cluster keys...",
    fails: "Failed to gather member keys",
    run: (agent) => agent.listKeys(),
  },
} as const satisfies Record<string, Operation>;

export const keysCommand: Command = {
  name: "keys",
  usage: "[options]",
  about:
    "Changes the encryption keys on all members, or lists them. To replace a key, install the new one, use it, then remove the old one; each step can be repeated. If a member reports a failure, or does not answer, the exit code is 1.",
  options: [
    {
      flag: "install",
      kind: "text",
      placeholder: "KEY",
      help: "Add a key, in base64, to the keyring of every member. It is understood from then on, but not used yet.",
    },
    {
      flag: "use",
      kind: "text",
      placeholder: "KEY",
      help: "Encrypt with this key, which every member must have.",
    },
    {
      flag: "remove",
      kind: "text",
      placeholder: "KEY",
      help: "Take a key out of the keyring of every member. It may not be the one in use.",
    },
    { flag: "list", kind: "switch", help: "Show each key, and how many members have it." },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const { operation, key } = chosen(args);
    return await withAgent(args, terminal, async (agent) => {
      terminal.out(`==> ${operation.begins}\n`);
      const { error, keys, messages, numNodes } = await outcome(() => operation.run(agent, key));
      if (error !== undefined) {
        tellFailure(terminal, messages);
        throw new OperatorError(`${operation.fails}: ${error}`);
      }
      terminal.out(`==> ${operation.succeeds}\n`);
      if (operation === operations.list) terminal.out(`\n${keyRows(keys, numNodes)}\n`);
      return 0;
    });
  },
};

/** The one operation that was asked for. Throws UsageError or OperatorError. */
function chosen(args: Arguments): { operation: Operation; key: string } {
  const changes = (["install", "use", "remove"] as const).filter((flag) => args.text(flag));
  const wanted = args.switched("list") === true ? ["list" as const, ...changes] : changes;
  const [name] = wanted;
  if (wanted.length > 1) {
    throw new OperatorError("Only one of -install, -use, -remove, or -list allowed");
  }
  if (name === undefined) throw new UsageError("");
  return { operation: operations[name], key: args.text(name) ?? "" };
}

type Outcome = Pick<KeyReport, "error" | "keys" | "messages" | "numNodes">;

/** What came of an operation, also if the agent gave no report. */
async function outcome(run: () => Promise<KeyReport>): Promise<Outcome> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return { error: thrown.message, keys: new Map(), messages: new Map(), numNodes: 0 };
  }
}

function tellFailure(terminal: Terminal, messages: ReadonlyMap<string, string>): void {
  const rows = sortedPairs(messages).map(([node, message]) => [
    "failed:",
    escapeWord(node),
    escapeControls(message),
  ]);
  if (rows.length > 0) terminal.out(`${layOut(rows)}\n`);
  terminal.out("\n");
}

function keyRows(keys: ReadonlyMap<string, number>, numNodes: number): string {
  return layOut(sortedPairs(keys).map(([key, count]) => [key, `[${count}/${numNodes}]`]));
}
