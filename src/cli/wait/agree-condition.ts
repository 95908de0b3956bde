import { formatAddress } from "../../base/address.js";
import { compareTexts } from "../../base/compare-texts.js";
import { ViewDigest } from "../../observe/view/view-digest.js";
import { encodeQuestion, parseDigestAnswer, viewQuery } from "../../observe/view/view-exchange.js";
import type { RpcMember } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { escapeWord } from "../output.js";
import { introduce } from "../rpc-options.js";
import { askPeers } from "../view/ask-peers.js";
import type { Condition, Finding } from "./condition.js";

/** Names in one line. */
const maxNamed = 5;

/** All members that can tell see the same members present as the agent. */
export class AgreeCondition implements Condition {
  async look(agent: RpcClient): Promise<Finding> {
    const members = await introduce("Error retrieving members", () => agent.members());
    const alive = members.filter(({ status }) => status === "alive").map(({ name }) => name);
    const { answered, differing } = await differingFrom(agent, members, alive);
    if (differing.length > 0) {
      return { holds: false, words: differingWords(differing) };
    }
    if (answered === 0) return { holds: false, words: "nobody tells what members it sees" };
    return { holds: true, words: `${answered} of ${alive.length} told what they see, and agree` };
  }
}

/** Who of `asked` sees other members present than the agent; agents of Serf do not tell. */
export async function differingFrom(
  agent: RpcClient,
  members: readonly RpcMember[],
  asked: readonly string[],
  tags: ReadonlyMap<string, string> = new Map(),
): Promise<{ readonly answered: number; readonly differing: readonly string[] }> {
  const { present } = new ViewDigest(
    members.map(({ name, addr, port, status, tags }) => {
      return { name, address: formatAddress({ ip: addr, port }), status, tags };
    }),
  );
  const payload = encodeQuestion({ ask: "digest" });
  const answers = await askPeers(agent, {
    name: viewQuery,
    payload,
    nodes: [],
    tags,
    awaited: asked,
  });
  const told = [...answers].flatMap(([name, bytes]) => {
    const answer = parseDigestAnswer(new TextDecoder().decode(bytes));
    return answer === undefined ? [] : [{ name, present: answer.present }];
  });
  const differing = told.filter((one) => one.present !== present).map(({ name }) => name);
  return { answered: told.length, differing: differing.sort(compareTexts) };
}

export function differingWords(names: readonly string[]): string {
  return `${listed(names)} ${names.length === 1 ? "sees" : "see"} other members than the agent`;
}

/** `a, b and 3 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, maxNamed).map(escapeWord).join(", ");
  return names.length <= maxNamed ? shown : `${shown} and ${names.length - maxNamed} more`;
}
