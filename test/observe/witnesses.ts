import { WhyAnswers } from "../../src/agent/why-answers.js";
import { formatAddress } from "../../src/base/address.js";
import type { Millis } from "../../src/base/units.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";
import type { Account } from "../../src/observe/why/account.js";
import { accountOf, readAnswer } from "../../src/observe/why/answer.js";
import { whyDictionary } from "../../src/observe/why/dictionary.js";
import { type Explanation, explain } from "../../src/observe/why/explain.js";
import type { Item } from "../../src/observe/why/telling.js";
import { type Verdict, Words } from "../../src/observe/why/verdict.js";
import { unpackJson } from "../../src/rpc/packed-json.js";
import { encodeText } from "../../src/wire/text.js";
import { type ClusterNode, SerfCluster } from "../support/serf-cluster.js";

const dictionary = encodeText(whyDictionary);

/** Words without times, so that sentences can be compared. */
export const plainWords = new Words({ name: (name) => name, clock: () => "then" });

/** A cluster in virtual time, each member of which keeps a chronicle, by a clock that is wrong. */
export class Witnesses {
  readonly cluster: SerfCluster;
  readonly nodes = new Map<string, ClusterNode>();
  readonly #chronicles = new Map<string, Chronicle>();
  readonly #clocks = new Map<string, () => number>();
  #started = 0;

  constructor(seed: number, ...names: readonly string[]) {
    this.cluster = new SerfCluster({ seed });
    for (const name of names) this.start(name);
    this.cluster.run(20_000);
  }

  /** Starts a member, or starts it again; `host` chooses its address. */
  start(name: string, host = this.#hostOf(name)): ClusterNode {
    this.#started += 1;
    const fault = this.#started * 86_400_000;
    const clock = (): number => this.cluster.now + fault;
    const chronicle = new Chronicle(clock);
    const [first] = this.nodes.values();
    const node = this.cluster.add(name, {
      host,
      isolation: true,
      observe: (observation) => chronicle.observe(observation),
    });
    this.nodes.set(name, node);
    this.#chronicles.set(name, chronicle);
    this.#clocks.set(name, clock);
    chronicle.note({ kind: "started", node: name, address: formatAddress(node.address) });
    if (first !== undefined && first !== node) this.cluster.join(node, first);
    return node;
  }

  node(name: string): ClusterNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no member ${name}`);
    return node;
  }

  /** What its agent notes, beside its failure detector. */
  note(name: string, deed: Deed): void {
    this.#chronicles.get(name)?.note(deed);
  }

  /** Stops it for a while as SIGSTOP does; its agent notes that when it goes on, as a real one does. */
  pause(name: string, took: Millis): void {
    const node = this.node(name);
    this.cluster.pause(node);
    this.cluster.run(took);
    this.note(name, { kind: "stalled", node: name, how: "paused", took });
    this.cluster.resume(node);
  }

  leave(name: string): void {
    const node = this.node(name);
    this.note(name, { kind: "leaving", node: name });
    node.serf.leave(this.cluster.now, () => {});
    this.cluster.settle(node);
  }

  /** What `witnesses` tell of `node`, page by page as over the network. */
  accountsOf(node: string, witnesses: Iterable<string>): Account[] {
    return [...witnesses].map((name) => {
      const chronicle = this.#chronicles.get(name) ?? new Chronicle(() => 0);
      const wallClock = this.#clocks.get(name) ?? (() => 0);
      const answers = new WhyAnswers({ chronicle, wallClock, self: name, responseLimit: 1_024 });
      const items: Item[] = [];
      let reach = 0;
      for (let page = 0; ; page += 1) {
        const question = encodeText(JSON.stringify({ node, within: 3_600_000, page }));
        const bytes = answers.answer(question, "asker") ?? new Uint8Array(0);
        const answer = readAnswer(unpackJson(bytes, dictionary), node, this.cluster.now);
        if (answer === undefined) throw new Error(`${name} gave no answer`);
        if (page === 0) reach = this.cluster.now - answer.reach;
        items.push(...answer.items);
        if (!answer.more || page > 7) return accountOf(name, items, reach, !answer.more);
      }
    });
  }

  explain(node: string, witnesses: Iterable<string>): Explanation {
    return explain(node, this.accountsOf(node, witnesses), plainWords);
  }

  /** The cause of what happened to `node` last, as `witnesses` tell. */
  why(node: string, witnesses: Iterable<string> = this.nodes.keys()): Verdict | undefined {
    return this.explain(node, witnesses).episodes[0]?.verdict;
  }

  #hostOf(name: string): number {
    return this.nodes.get(name)?.address.ip[3] ?? this.nodes.size + 1;
  }
}
