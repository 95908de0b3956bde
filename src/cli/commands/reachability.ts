import { compareTexts } from "../../base/compare-texts.js";
import type { RpcQuestion } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { Awaited } from "../awaited.js";
import type { Command, Terminal } from "../command.js";
import { escapeControls } from "../output.js";
import { interrupted, introduce, rpcOptions, withAgent } from "../rpc-options.js";

const advice = `
What to look at:
* Can every member reach the address and port that each other one advertises?
* Does an advertised address lead to the one that its agent is bound to?
* Is a member behind address translation?
* Do firewalls let the port through, UDP as well as TCP, in both directions?
* Is the network itself in order?
`;

export const reachabilityCommand: Command = {
  name: "reachability",
  usage: "[options]",
  about:
    "Sends a ping through the cluster and compares who confirms it with who is thought to be alive. If they are not the same, the exit code is 1.",
  options: [
    { flag: "verbose", kind: "switch", help: "Show each confirmation, and how long they took." },
    {
      flag: "early",
      kind: "switch",
      help: "End as soon as all live members have confirmed, instead of waiting for those who should not. Not in Serf.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const verbose = args.switched("verbose") ?? false;
    const early = args.switched("early") ?? false;
    return await withAgent(args, terminal, async (agent) => {
      const stopped = interrupted(terminal).then(() => {
        terminal.out("Test interrupted\n");
        return 1;
      });
      return await Promise.race([examine(agent, { verbose, early }, terminal), stopped]);
    });
  },
};

async function examine(
  agent: RpcClient,
  { verbose, early }: { readonly verbose: boolean; readonly early: boolean },
  terminal: Terminal,
): Promise<number> {
  const members = await introduce("Error getting members", () => agent.members());
  const live = members.filter(({ status }) => status === "alive").map(({ name }) => name);
  terminal.out(`Total members: ${members.length}, live members: ${live.length}\n`);
  const log = new AckLog(terminal, verbose);
  const awaited = new Awaited(live);
  await introduce("Error sending query", async () => {
    const running = await agent.query(question, ({ from }) => {
      log.take(from);
      awaited.note(from);
    });
    log.begin();
    await Promise.race(early ? [running.done, awaited.complete] : [running.done]);
  });
  log.conclude();
  const odd = compare(live, log, terminal);
  return odd || log.repeated ? 1 : 0;
}

/** Serf's own query, which every member acknowledges and none answers. */
const question: RpcQuestion = {
  name: "_serf_ping",
  payload: new Uint8Array(0),
  filterNodes: [],
  filterTags: new Map(),
  requestAck: true,
  relayFactor: 0,
  timeout: undefined,
};

/** The acks of one test, shown as they come. */
class AckLog {
  readonly names = new Set<string>();
  count = 0;
  /** Two members have the same name. */
  repeated = false;
  readonly #terminal: Terminal;
  readonly #verbose: boolean;
  #begun: number | undefined;
  #last = 0;

  constructor(terminal: Terminal, verbose: boolean) {
    this.#terminal = terminal;
    this.#verbose = verbose;
  }

  /** The agent has taken the query. Called again, it does nothing. */
  begin(): void {
    if (this.#begun !== undefined) return;
    this.#terminal.out("Starting reachability test...\n");
    this.#begun = performance.now();
    this.#last = this.#begun;
  }

  take(from: string): void {
    // The first acks can be here before the agent's answer is known to be.
    this.begin();
    const name = escapeControls(from);
    if (this.#verbose) this.#terminal.out(`\tAck from '${name}'\n`);
    if (this.names.has(from)) {
      this.repeated = true;
      this.#terminal.out(`Duplicate response from '${name}'\n`);
    }
    this.names.add(from);
    this.count += 1;
    this.#last = performance.now();
  }

  conclude(): void {
    const start = this.#begun ?? 0;
    const [total, last] = [performance.now() - start, this.#last - start].map((time) =>
      (time / 1_000).toFixed(2),
    );
    if (this.#verbose) {
      this.#terminal.out(`Query time: ${total} sec, time to last response: ${last} sec\n`);
    }
    if (this.repeated) {
      this.#terminal.out("Who answers twice is two nodes: each needs a name of its own.\n");
    }
  }
}

/** True if others have acknowledged than are thought to be alive; Serf counts, and so do we. */
function compare(live: readonly string[], log: AckLog, terminal: Terminal): boolean {
  if (log.count === live.length) {
    terminal.out("Successfully contacted all live nodes\n");
    return false;
  }
  if (log.count > live.length) {
    terminal.out("Received more acks than live nodes! Acks from non-live nodes:\n");
    terminal.out(listed([...log.names].filter((name) => !live.includes(name))));
    terminal.out("It seems that members are taken for failed which are not.\n");
  } else {
    terminal.out("Received less acks than live nodes! Missing acks from:\n");
    terminal.out(listed(live.filter((name) => !log.names.has(name))));
    terminal.out("It seems that packets of the cluster are lost on their way.\n");
  }
  terminal.out(advice);
  return true;
}

function listed(names: readonly string[]): string {
  return names
    .toSorted(compareTexts)
    .map((name) => `\t${escapeControls(name)}\n`)
    .join("");
}
