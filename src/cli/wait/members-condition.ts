import type { MemberFilter } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { escapeControls } from "../output.js";
import { introduce } from "../rpc-options.js";
import type { Condition, Finding } from "./condition.js";

/** As many members as are wanted match. */
export class MembersCondition implements Condition {
  readonly #filter: MemberFilter;
  readonly #wanted: number;
  readonly #exactly: boolean;

  constructor(filter: MemberFilter, wanted: number, exactly: boolean) {
    this.#filter = filter;
    this.#wanted = wanted;
    this.#exactly = exactly;
  }

  async look(agent: RpcClient): Promise<Finding> {
    const found = await introduce("Error retrieving members", () =>
      agent.membersFiltered(this.#filter),
    );
    const { length } = found;
    const holds = this.#exactly ? length === this.#wanted : length >= this.#wanted;
    const { name, status, tags } = this.#filter;
    const parts = [...tags].map(([key, pattern]) => `tag ${key}=${pattern}`);
    if (name !== "") parts.unshift(`name ${name}`);
    const of = holds && !this.#exactly ? "" : ` of ${this.#wanted}`;
    const noun = this.#wanted === 1 || (of === "" && length === 1) ? "member" : "members";
    const with_ = parts.length === 0 ? "" : ` with ${parts.join(", ")}`;
    return { holds, words: escapeControls(`${length}${of} ${noun} ${status}${with_}`) };
  }
}
