import { formatAddress } from "../../base/address.js";
import { compareTexts } from "../../base/compare-texts.js";
import type { Bytes, Millis } from "../../base/units.js";
import { type ViewDifference, viewDifferences } from "../../observe/view/view-difference.js";
import { ViewDigest } from "../../observe/view/view-digest.js";
import {
  encodeQuestion,
  type ListedEntry,
  parseBucketsAnswer,
  parseDigestAnswer,
  parseListAnswer,
  type ViewQuestion,
  viewQuery,
} from "../../observe/view/view-exchange.js";
import type { RpcMember } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { introduce } from "../rpc-options.js";
import { askPeers } from "./ask-peers.js";

/** Whether the members of a cluster see the same, compared with the agent that was asked. */
export interface Agreement {
  /** The agent's own name. */
  readonly node: string;
  readonly digest: string;
  readonly members: number;
  /** Who sees just the same, the agent itself included; sorted. */
  readonly same: readonly string[];
  /** Who does not, together if they see the same as each other; the largest group first. */
  readonly others: readonly OtherView[];
  /** Live members that did not answer: agents of Serf never do. */
  readonly silent: readonly string[];
  /** Nobody who answered sees anything else of members that are here. */
  readonly agree: boolean;
}

export interface OtherView {
  readonly digest: string;
  readonly nodes: readonly string[];
  /** undefined: it was not found out. */
  readonly differences: readonly ViewDifference[] | undefined;
  /** There may be further differences: only the first members were compared. */
  readonly partial: boolean;
}

/** Views that are looked into; a cluster with more has worse troubles than which tag it is. */
const maxViews = 8;

/** Pages of one of them, some ten members each; each is a query to the cluster. */
const maxPages = 12;

/** How often it is begun anew because something changed while others were asked. */
const maxRounds = 3;

/** Asks all members what they see. `timeout` is that of each query. */
export async function findAgreement(agent: RpcClient, timeout?: Millis): Promise<Agreement> {
  const stats = await introduce("Error querying agent", () => agent.stats());
  const self = stats.get("agent")?.get("name") ?? "";
  for (let round = 1; ; round += 1) {
    const found = await new Comparison(agent, self, timeout).run();
    if (found !== undefined && (!found.moved || round === maxRounds)) return found.agreement;
  }
}

/** Members as another one sees them, by name; `partial`: not all that were asked for. */
interface Listed {
  readonly entries: readonly ListedEntry[];
  readonly partial: boolean;
}

/** One member as views are compared by. */
function entryOf({ name, addr, port, status, tags }: RpcMember) {
  return { name, address: formatAddress({ ip: addr, port }), status, tags };
}

/** One round of questions. */
class Comparison {
  readonly #agent: RpcClient;
  readonly #self: string;
  readonly #timeout: Millis | undefined;

  constructor(agent: RpcClient, self: string, timeout: Millis | undefined) {
    this.#agent = agent;
    this.#self = self;
    this.#timeout = timeout;
  }

  /** `moved`: what was compared had changed before all was asked. */
  async run(): Promise<{ readonly agreement: Agreement; readonly moved: boolean }> {
    const members = await introduce("Error retrieving members", () => this.#agent.members());
    const view = new ViewDigest(members.map(entryOf));
    const alive = members.filter(({ status }) => status === "alive").map(({ name }) => name);
    const answers = await this.#ask({ ask: "digest" }, [], alive);
    const digests = new Map<string, string>();
    for (const [name, payload] of answers) {
      const answer = parseDigestAnswer(textOf(payload));
      if (answer !== undefined) digests.set(name, answer.digest);
    }
    const own = digests.get(this.#self);
    // An agent of Serf has not answered for itself.
    digests.set(this.#self, view.digest);
    const groups = groupsOf(digests);
    const others: OtherView[] = [];
    for (const [digest, nodes] of groups) {
      if (digest === view.digest) continue;
      const isExamined = others.length < maxViews;
      const found = isExamined ? await this.#examine(nodes, view) : undefined;
      others.push({ digest, nodes, differences: undefined, partial: true, ...found });
    }
    const agreement: Agreement = {
      node: this.#self,
      digest: view.digest,
      members: view.members,
      same: groups.get(view.digest) ?? [],
      others,
      silent: alive.filter((name) => !digests.has(name)).sort(compareTexts),
      agree: others.every(
        ({ differences, partial }) => !partial && differences?.every((one) => one.remembered),
      ),
    };
    const moved =
      (own !== undefined && own !== view.digest) ||
      others.some(({ differences }) => differences?.length === 0);
    return { agreement, moved };
  }

  /** What they see otherwise, asked of the first of them that answers. */
  async #examine(
    nodes: readonly string[],
    view: ViewDigest,
  ): Promise<Pick<OtherView, "differences" | "partial"> | undefined> {
    for (const node of nodes.slice(0, 2)) {
      const buckets = parseBucketsAnswer(await this.#askOne(node, { ask: "buckets" }));
      if (buckets === undefined) continue;
      const differing = [...buckets.keys()].filter(
        (index) => buckets[index] !== view.buckets[index],
      );
      const listed = await this.#list(node, differing);
      if (listed === undefined) continue;
      const { entries, partial } = listed;
      const last = entries.at(-1)?.name ?? "";
      const own = view.entriesIn(differing).filter(({ name }) => !partial || name <= last);
      return { differences: viewDifferences(own, entries), partial };
    }
    return undefined;
  }

  async #list(node: string, buckets: readonly number[]): Promise<Listed | undefined> {
    const entries: ListedEntry[] = [];
    for (let page = 0; page < maxPages; page += 1) {
      const after = entries.at(-1)?.name;
      const text = await this.#askOne(node, { ask: "list", buckets, after });
      const answer = parseListAnswer(text);
      if (answer === undefined) return undefined;
      entries.push(...answer.entries);
      if (!answer.more) return { entries, partial: false };
      if (answer.entries.length === 0) return undefined;
    }
    return { entries, partial: true };
  }

  async #askOne(node: string, question: ViewQuestion): Promise<string> {
    return textOf((await this.#ask(question, [node], [node])).get(node));
  }

  async #ask(
    question: ViewQuestion,
    nodes: readonly string[],
    awaited: readonly string[],
  ): Promise<ReadonlyMap<string, Bytes>> {
    const payload = encodeQuestion(question);
    const timeout = this.#timeout;
    return await askPeers(this.#agent, { name: viewQuery, payload, nodes, awaited, timeout });
  }
}

/** Who sees what, the largest group first. */
function groupsOf(digests: ReadonlyMap<string, string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, digest] of [...digests].sort(([one], [other]) => compareTexts(one, other))) {
    const group = groups.get(digest);
    if (group === undefined) groups.set(digest, [name]);
    else group.push(name);
  }
  return new Map([...groups].sort(([, one], [, other]) => other.length - one.length));
}

function textOf(payload: Bytes | undefined): string {
  return new TextDecoder().decode(payload ?? new Uint8Array(0));
}
