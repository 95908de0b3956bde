import { type Millis, seconds } from "../../base/units.js";
import type { SelfInfo } from "../../observe/member-info.js";
import type { RpcMember } from "../../rpc/api.js";
import { type RpcClient, UnknownTopicError } from "../../rpc/client.js";
import { memberChanges } from "../members/changes.js";
import { introduce } from "../rpc-options.js";
import type { Condition, Finding } from "./condition.js";

/** How long the members have to stand still where the agent does not tell by itself. */
const stillTime: Millis = seconds(2);

/**
 * The agent has found its cluster and nothing moves: it says so itself (see {@link SelfInfo.settled}); of
 * an agent of Serf it is taken from its list, which has stood still for two seconds then.
 */
export class SettledCondition implements Condition {
  readonly #now: () => number;
  #knowsItself = true;
  #members: readonly RpcMember[] | undefined;
  #since = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  async look(agent: RpcClient): Promise<Finding> {
    if (this.#knowsItself) {
      try {
        return findingOf(await introduce("Error querying agent", () => ask(agent)));
      } catch (thrown) {
        if (!(thrown instanceof Error && thrown.cause instanceof UnknownTopicError)) throw thrown;
        this.#knowsItself = false;
      }
    }
    return await this.#watch(agent);
  }

  async #watch(agent: RpcClient): Promise<Finding> {
    const members = await introduce("Error retrieving members", () => agent.members());
    if (this.#members === undefined || memberChanges(this.#members, members).length > 0) {
      this.#since = this.#now();
    }
    this.#members = members;
    const holds = this.#now() - this.#since >= stillTime;
    return { holds, words: holds ? "settled" : "not settled: the members have just changed" };
  }
}

function ask(agent: RpcClient): Promise<SelfInfo> {
  return agent.ask("self", {});
}

function findingOf({ isolated, joined, members, settled }: SelfInfo): Finding {
  if (settled) return { holds: true, words: "settled" };
  let why = "the members have just changed";
  if (!joined) why = "it has not joined yet";
  else if (isolated) why = "it hears nobody";
  else if (members.suspected > 0) why = `${members.suspected} suspected`;
  return { holds: false, words: `not settled: ${why}` };
}
