import { balancerTag } from "../../lb/acknowledgement.js";
import { parseStatusAnswers, type StatusAnswer } from "../../lb/questions.js";
import type { RpcClient } from "../../rpc/client.js";
import { escapeControls } from "../output.js";
import { introduce } from "../rpc-options.js";
import { askPeers } from "../view/ask-peers.js";
import { differingFrom, differingWords, listed } from "./agree-condition.js";
import type { Condition, Finding } from "./condition.js";

const anyBalancer = new Map([[balancerTag, "."]]);

/**
 * All balancers of the cluster serve what they want, and want what the agent sees: their members see the
 * same as it. Of a balancer beside an agent of Serf the latter cannot be told.
 */
export class LbCondition implements Condition {
  async look(agent: RpcClient): Promise<Finding> {
    const members = await introduce("Error retrieving members", () => agent.members());
    const asked = members
      .filter(({ status, tags }) => status === "alive" && tags.has(balancerTag))
      .map(({ name }) => name);
    if (asked.length === 0) return { holds: false, words: "no member has a load balancer" };
    const { differing } = await differingFrom(agent, members, asked, anyBalancer);
    if (differing.length > 0) {
      return { holds: false, words: differingWords(differing) };
    }
    const answers = await askPeers(agent, {
      name: "lb-status",
      payload: "",
      nodes: [],
      tags: anyBalancer,
      awaited: asked,
    });
    const silent = asked.filter((name) => !answers.has(name));
    if (silent.length > 0) {
      return { holds: false, words: `no answer from the load balancers on ${listed(silent)}` };
    }
    const balancers = [...answers].flatMap(([member, payload]) =>
      parseStatusAnswers(payload).map((answer) => ({ member, answer })),
    );
    const waiting = balancers.filter(({ answer }) => !isApplied(answer));
    const [first] = waiting;
    if (first !== undefined) {
      const words = `${first.answer.balancer} on ${first.member}: ${reasonOf(first.answer)}`;
      const more = waiting.length === 1 ? "" : ` and ${waiting.length - 1} more`;
      return { holds: false, words: escapeControls(words + more) };
    }
    const noun = balancers.length === 1 ? "load balancer has" : "load balancers have";
    return { holds: balancers.length > 0, words: `${balancers.length} ${noun} applied it` };
  }
}

function isApplied({ applied, holds, ok, version }: StatusAnswer): boolean {
  return ok && holds === 0 && version !== null && applied === version;
}

function reasonOf({ holds, ok, reason, version }: StatusAnswer): string {
  if (!ok) return reason ?? "failed";
  if (holds > 0) return `${holds} held`;
  return version === null ? "it does not know the members yet" : "not applied yet";
}
