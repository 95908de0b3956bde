import { compareTexts } from "../../base/compare-texts.js";
import { OperatorError } from "../../base/errors.js";
import type { Bytes } from "../../base/units.js";
import type { lbQuestions } from "../../lb/questions.js";
import type { RpcClient } from "../../rpc/client.js";
import { Awaited } from "../awaited.js";
import type { Arguments, OptionSpec } from "../command.js";
import { introduce } from "../rpc-options.js";

export const askOptions: readonly OptionSpec[] = [
  {
    flag: "node",
    kind: "text",
    placeholder: "NAME",
    value: "member",
    repeatable: true,
    help: "Ask only the balancers of this member.",
  },
  {
    flag: "timeout",
    kind: "duration",
    placeholder: "DURATION",
    help: "How long answers are taken, if not all come at once. By default as long as a cluster of that size needs.",
  },
];

/** What members said to a query. */
export interface Answers {
  /** By name. */
  readonly answers: readonly { readonly from: string; readonly payload: Bytes }[];
  /** Who has the tag `balancer`, was asked, and said nothing. */
  readonly silent: readonly string[];
}

/** Asks the balancers of the cluster; does not wait longer than for all members with their tag. */
export async function askBalancers(
  agent: RpcClient,
  args: Arguments,
  name: (typeof lbQuestions)[number],
  payload: string,
): Promise<Answers> {
  const nodes = args.texts("node");
  const members = await introduce("Error retrieving members", () => agent.members());
  const known = members.flatMap((member) =>
    member.status === "alive" &&
    member.tags.has("balancer") &&
    (nodes.length === 0 || nodes.includes(member.name))
      ? [member.name]
      : [],
  );
  const answers = new Map<string, Bytes>();
  const awaited = new Awaited(known);
  await introduce("Error sending query", async () => {
    const question = {
      name,
      payload: Buffer.from(payload),
      filterNodes: nodes,
      filterTags: new Map<string, string>(),
      requestAck: false,
      relayFactor: 0,
      timeout: args.duration("timeout"),
    };
    const running = await agent.query(question, (answer) => {
      if (answer.kind !== "response") return;
      answers.set(answer.from, answer.payload);
      awaited.note(answer.from);
    });
    // Without a single one that is known, whoever answers is a surprise: all the time is given then.
    const complete = known.length === 0 ? [] : [awaited.complete];
    await Promise.race([running.done, ...complete]);
  });
  return {
    answers: [...answers]
      .map(([from, payload]) => ({ from, payload }))
      .sort((one, other) => compareTexts(one.from, other.from)),
    silent: known.filter((one) => !answers.has(one)).sort(compareTexts),
  };
}

export const nobodyAnswers = new OperatorError(
  "No balancer answered. Members that run one have the tag balancer.",
);
