import { formatDuration } from "../../base/duration.js";
import { OperatorError } from "../../base/errors.js";
import { orderFailure, type SentOrder } from "../../lb/questions.js";
import { UsageError } from "../argv.js";
import type { Arguments, Command, OptionSpec, Subcommand, Terminal } from "../command.js";
import { escapeControls, escapeWord } from "../output.js";
import { rpcOptions, withAgent } from "../rpc-options.js";
import { balancerOption, orTrouble } from "./options.js";
import { askBalancers, askOptions, nobodyAnswers } from "./questioning.js";

/** One thing that balancers can be told to do. */
interface Order {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly about: string;
  readonly options: readonly OptionSpec[];
  readonly positionals?: Command["positionals"];
  /** Throws UsageError or OperatorError. */
  readonly read: (args: Arguments) => SentOrder;
}

const orders: readonly Order[] = [
  {
    name: "accept",
    summary: "Have balancers take out what they hold",
    usage: "[options]",
    about:
      "Tells balancers that a mass loss is real: the servers that are held after many failures at once are taken out.",
    options: [{ flag: "pool", kind: "text", placeholder: "NAME", help: "Only in this pool." }],
    read: (args) => {
      const pool = args.text("pool");
      return pool === undefined ? { kind: "accept" } : { kind: "accept", pool };
    },
  },
  {
    name: "forgive",
    summary: "Have balancers forget that a member flapped",
    usage: "[options] MEMBER",
    about: "Takes the penalty off a member that is held out because it came and went too often.",
    options: [],
    positionals: "member",
    read: (args) => ({ kind: "forgive", node: onlyMember(args) }),
  },
  {
    name: "override",
    summary: "Decide by hand whether a member is served",
    usage: "[options] MEMBER ready|drain|out|none",
    about:
      "Puts a member's servers into a state whatever the cluster says of it: ready, drain (no new requests) or out; none takes that back. For the member itself to be drained everywhere, use drain or maint instead.",
    options: [
      {
        flag: "for",
        kind: "duration",
        placeholder: "DURATION",
        help: "How long it holds; until it is taken back by default.",
      },
    ],
    positionals: "member",
    read: (args) => {
      const [node, admission] = args.positionals;
      const length = args.duration("for");
      if (node === undefined || args.positionals.length !== 2) {
        throw new UsageError("Say which member, and ready, drain, out or none.");
      }
      if (
        admission !== "ready" &&
        admission !== "drain" &&
        admission !== "out" &&
        admission !== "none"
      ) {
        throw new UsageError(`There is no state ${admission}, but ready, drain, out and none.`);
      }
      if (length !== undefined && length <= 0) throw new OperatorError("-for must be above 0");
      const order = { kind: "override", node, admission } as const;
      return length === undefined ? order : { ...order, for: formatDuration(length) };
    },
  },
  {
    name: "prefer",
    summary: "Have a balancer take the shared address over",
    usage: "[options] MEMBER|none",
    about:
      "Names the member that should hold the address which balancers share by virtual_ip or by keepalived (track_file): it takes the address before the other lets it go. none prefers nobody any more, and the address stays where it is.",
    options: [],
    positionals: "member",
    read: (args) => {
      const node = onlyMember(args);
      return node === "none" ? { kind: "prefer" } : { kind: "prefer", node };
    },
  },
  {
    name: "pause",
    summary: "Have balancers leave files and proxies alone",
    usage: "[options]",
    about: "Has balancers write and apply nothing until they are resumed.",
    options: [],
    read: () => ({ kind: "pause" }),
  },
  {
    name: "resume",
    summary: "Have paused balancers go on",
    usage: "[options]",
    about: "Ends a pause; what is not in step is brought there at once.",
    options: [],
    read: () => ({ kind: "resume" }),
  },
];

/** Each asks the cluster, so that no balancer needs a port of its own for orders. */
export const orderSubcommands: readonly Subcommand[] = orders.map((order) => {
  const { name, summary, usage, about, options, positionals, read } = order;
  const command: Command = {
    name: `lb ${name}`,
    usage,
    about: `${about} All balancers of the cluster are told unless -node or -balancer says which. The exit code is 1 if none answers or one refuses.`,
    options: [...options, balancerOption, ...askOptions, ...rpcOptions],
    ...(positionals === undefined ? {} : { positionals }),
    run: async (args, terminal) => {
      const balancer = args.text("balancer");
      const sent = read(args);
      return await send(args, terminal, balancer === undefined ? sent : { ...sent, balancer });
    },
  };
  return { name, summary, command };
});

function onlyMember({ positionals: [node, ...others] }: Arguments): string {
  if (node === undefined || others.length > 0) throw new UsageError("Say which member.");
  return node;
}

/** Tells the balancers and prints what each of them says. */
async function send(args: Arguments, terminal: Terminal, order: SentOrder): Promise<number> {
  return await orTrouble(terminal, 1, async () => {
    const { answers, silent } = await withAgent(args, terminal, (agent) =>
      askBalancers(agent, args, "lb-order", JSON.stringify(order)),
    );
    let code = 0;
    for (const { from, payload } of answers) {
      const text = new TextDecoder().decode(payload);
      if (text.startsWith(orderFailure)) code = 1;
      terminal.out(`${escapeWord(from)}: ${escapeControls(text.trimEnd())}\n`);
    }
    if (answers.length === 0) throw nobodyAnswers;
    // Those who do not have the balancer that was named are silent by right.
    if (order.balancer === undefined) {
      for (const member of silent) terminal.out(`${escapeWord(member)} did not answer\n`);
      if (silent.length > 0) code = 1;
    }
    return code;
  });
}
