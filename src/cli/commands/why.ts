import { formatAddress } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import { hours, type Millis } from "../../base/units.js";
import type { Account } from "../../observe/why/account.js";
import type { RpcMember } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import type { Command } from "../command.js";
import { escapeWord, formatOption, outputFormat } from "../output.js";
import { introduce, rpcOptions, unlessInterrupted, withAgent } from "../rpc-options.js";
import { Inquiry } from "../why/inquiry.js";
import { isExplained, jsonReport, textReport, type WhyReport } from "../why/report.js";

const defaultSince: Millis = hours(1);

export const whyCommand: Command = {
  name: "why",
  usage: "[options] NODE",
  about:
    "Asks all members what they saw of NODE and shows one time line: who missed it first and on what evidence, who confirmed that, when it was back, and when handlers and load balancers had followed; and the likely cause in words. Times are of this machine's clock, whatever the clocks of the members say. Members of Serf keep no records and are named as such. The exit code is 0 if there is a cause, or nothing was the matter; 1 if NODE is unknown or the agent could not be asked; 2 if no cause can be told, or nobody who keeps records answered.",
  options: [
    {
      flag: "since",
      kind: "duration",
      placeholder: "DURATION",
      help: "How far to look back: 10m, 24h. 1h by default. An agent keeps its last 4,096 records or more.",
    },
    { flag: "all", kind: "switch", help: "Show the whole time line, not only its end." },
    formatOption,
    ...rpcOptions,
  ],
  positionals: "member",
  mixed: true,
  run: async (args, terminal) => {
    const [node, ...more] = args.positionals;
    if (node === undefined || node === "" || more.length > 0) {
      throw new OperatorError("One name of a member must be given: gossipd why NODE");
    }
    const format = outputFormat(args);
    const since = args.duration("since") ?? defaultSince;
    if (since <= 0) throw new OperatorError("-since must be more than nothing, such as 10m");
    const answer = async (agent: RpcClient): Promise<number> => {
      const report = await askWhy(agent, node, since);
      const all = args.switched("all") ?? false;
      terminal.out(format === "json" ? jsonReport(report) : textReport(report, all));
      return isExplained(report) ? 0 : 2;
    };
    return await withAgent(args, terminal, (agent) =>
      unlessInterrupted(terminal, () => answer(agent)),
    );
  },
};

async function askWhy(agent: RpcClient, node: string, since: Millis): Promise<WhyReport> {
  const members = await introduce("Error retrieving members", () => agent.members());
  const inquiry = new Inquiry(agent, node, since);
  const hearing = await introduce("Error sending query", () => inquiry.hear(members));
  const known = members.find(({ name }) => name === node);
  if (known === undefined && !hearing.accounts.some((account) => tellsOf(account, node))) {
    throw await unknown(node, members);
  }
  return {
    node,
    status: known?.status,
    address: known === undefined ? undefined : addressOf(known),
    since,
    now: Date.now(),
    hearing,
  };
}

function tellsOf({ facts }: Account, node: string): boolean {
  return facts.some(({ deed }) => "node" in deed && deed.node === node);
}

function addressOf({ addr, port }: RpcMember): string {
  return formatAddress({ ip: addr, port });
}

async function unknown(node: string, members: readonly RpcMember[]): Promise<OperatorError> {
  const { suggest } = await import("../../base/suggest.js");
  const near = suggest(
    node,
    members.map(({ name }) => name),
  );
  const hint = near === undefined ? "" : ` Did you mean ${escapeWord(near)}?`;
  return new OperatorError(
    `No member ${escapeWord(node)} is known, and nobody has records of one.${hint}`,
  );
}
