import { OperatorError } from "../../base/errors.js";
import type { QueryAnswer, RpcQuestion } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { parseTagPairs } from "../argv.js";
import { Awaited } from "../awaited.js";
import type { Arguments, Command, Terminal } from "../command.js";
import { nameAndPayload } from "../name-and-payload.js";
import { formatOption } from "../output.js";
import { JsonReport, type QueryReport, TextReport } from "../query-report.js";
import { introduce, rpcOptions, unlessInterrupted, withAgent } from "../rpc-options.js";

/** The field of the protocol is of one byte. */
const maxRelays = 255;

/** Before the names of queries that members answer with their ack alone. */
const internalPrefix = "_serf_";

export const queryCommand: Command = {
  name: "query",
  usage: "[options] NAME [PAYLOAD]",
  about:
    "Asks the members a question and shows what their handlers of query:NAME answer, until the time is over. That nobody answers is no error.",
  options: [
    formatOption,
    {
      flag: "node",
      kind: "text",
      placeholder: "NAME",
      value: "member",
      repeatable: true,
      help: "Ask only members of this name.",
    },
    {
      flag: "tag",
      kind: "text",
      placeholder: "KEY=REGEXP",
      repeatable: true,
      help: "Ask only members with a tag KEY that matches. Unlike that of members, the pattern may match a part of the text.",
    },
    {
      flag: "timeout",
      kind: "duration",
      placeholder: "DURATION",
      help: "How long answers are taken: 15s, 500ms. By default as long as a cluster of that size needs, 3.2s with up to 9 members.",
    },
    {
      flag: "no-ack",
      kind: "switch",
      help: "Do not have the members confirm that they were asked.",
    },
    {
      flag: "relay-factor",
      kind: "integer",
      placeholder: "COUNT",
      help: "Have each answer sent through so many other members as well, 0 to 255.",
    },
    {
      flag: "early",
      kind: "switch",
      help: "End as soon as every live member that was asked has responded. Members without a handler for the query never do. Not in Serf.",
    },
    ...rpcOptions,
  ],
  run: async (args, terminal) => {
    const filterTags = parseTagPairs(args.texts("tag"));
    const { name, payload } = nameAndPayload(args, "A query name must be specified.");
    const relayFactor = args.integer("relay-factor") ?? 0;
    if (relayFactor < 0 || relayFactor > maxRelays) {
      throw new OperatorError(`Relay factor must be between 0 and ${maxRelays}`);
    }
    const question: RpcQuestion = {
      name,
      payload,
      filterNodes: args.texts("node"),
      filterTags,
      requestAck: args.switched("no-ack") !== true,
      relayFactor,
      timeout: args.duration("timeout"),
    };
    const early = args.switched("early") ?? false;
    return await withAgent(args, terminal, async (agent) => {
      const report = reportFor(args, question, terminal);
      return await unlessInterrupted(terminal, async () => {
        await ask(agent, question, early, report);
        return 0;
      });
    });
  },
};

function reportFor(args: Arguments, question: RpcQuestion, terminal: Terminal): QueryReport {
  const format = args.text("format") ?? "text";
  if (format === "json") return new JsonReport(terminal);
  if (format === "text") return new TextReport(terminal, question.name, question.requestAck);
  throw new OperatorError(`Invalid format: ${format}`);
}

async function ask(
  agent: RpcClient,
  question: RpcQuestion,
  early: boolean,
  report: QueryReport,
): Promise<void> {
  const awaited = early ? new Awaited(await namesOfAsked(agent, question)) : undefined;
  const last = question.name.startsWith(internalPrefix) ? "ack" : "response";
  await introduce("Error sending query", async () => {
    const running = await agent.query(question, (answer: QueryAnswer) => {
      report.take(answer);
      if (answer.kind === last) awaited?.note(answer.from);
    });
    report.begin();
    await Promise.race([running.done, ...(awaited === undefined ? [] : [awaited.complete])]);
  });
  report.conclude();
}

/** The live members that the filters of `question` let through. */
async function namesOfAsked(agent: RpcClient, question: RpcQuestion): Promise<string[]> {
  // The agent matches the whole text, a query any part of it.
  const tags = new Map(
    [...question.filterTags].map(([key, pattern]) => [key, `[\\s\\S]*(?:${pattern})[\\s\\S]*`]),
  );
  const filter = { name: "", status: "alive", tags };
  const members = await introduce("Error retrieving members", () => agent.membersFiltered(filter));
  const nodes = question.filterNodes;
  return members
    .map(({ name }) => name)
    .filter((name) => nodes.length === 0 || nodes.includes(name));
}
