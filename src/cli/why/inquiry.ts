import type { Millis } from "../../base/units.js";
import type { WallTime } from "../../observe/chronicle.js";
import { type Account, maxPages, whyQuery } from "../../observe/why/account.js";
import { accountOf, readAnswer } from "../../observe/why/answer.js";
import { whyDictionary } from "../../observe/why/dictionary.js";
import type { Item } from "../../observe/why/telling.js";
import type { RpcMember, RpcQuestion } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { unpackJson } from "../../rpc/packed-json.js";
import { sortedPairs } from "../output.js";

/** What the members said, and who said nothing. */
export interface Hearing {
  readonly accounts: readonly Account[];
  /** Members that are there and confirmed that they were asked, but keep no records: Serf's do not. */
  readonly recordless: readonly string[];
  /** Members that are thought to be there and did not even confirm that they were asked. */
  readonly silent: readonly string[];
}

/** An answer follows the confirmation at once; from a busy machine a little later. */
const answerWithin: Millis = 700;

/** In a group of at most this size each answer comes through two others as well: the way may be the trouble. */
const maxRelayed = 50;

/** Members that are asked for a further page at one time; more of the same says nothing new. */
const maxAskedAgain = 40;

const dictionary = Buffer.from(whyDictionary);

/** What came of one member. */
interface Teller {
  readonly items: Item[];
  /** What its first page said of how far its records go back. */
  readonly reach: WallTime;
  more: boolean;
}

/** Asks all members what they saw of one. */
export class Inquiry {
  readonly #agent: RpcClient;
  readonly #node: string;
  readonly #within: Millis;
  readonly #began = Date.now();
  /** By name; at most one for each member. */
  readonly #tellers = new Map<string, Teller>();
  readonly #reached = new Set<string>();

  constructor(agent: RpcClient, node: string, within: Millis) {
    this.#agent = agent;
    this.#node = node;
    this.#within = within;
  }

  async hear(members: readonly RpcMember[]): Promise<Hearing> {
    const present = members.filter(({ status }) => status === "alive").map(({ name }) => name);
    await this.#ask(0, present, []);
    for (let page = 1; page < maxPages; page += 1) {
      const rest = this.#withMore();
      if (rest.length === 0) break;
      for (const names of grouped(rest)) await this.#ask(page, names, names);
    }
    const tellers = sortedPairs(this.#tellers);
    const accounts = tellers.map(([name, { items, more, reach }]) =>
      accountOf(name, items, reach, !more),
    );
    const quiet = present.filter((name) => !this.#tellers.has(name));
    return {
      accounts,
      recordless: quiet.filter((name) => this.#reached.has(name)),
      silent: quiet.filter((name) => !this.#reached.has(name)),
    };
  }

  /** Whom to ask again: the one in question knows most of itself. */
  #withMore(): string[] {
    return [...this.#tellers]
      .filter(([, { more }]) => more)
      .map(([name]) => name)
      .sort((one, other) => Number(other === this.#node) - Number(one === this.#node))
      .slice(0, maxAskedAgain);
  }

  /** One page of those in `filterNodes`, or of all; ends as soon as all of `expected` have said something. */
  async #ask(
    page: number,
    expected: readonly string[],
    filterNodes: readonly string[],
  ): Promise<void> {
    const round = new Round(expected);
    // The time in question begins where it did, however long we ask: or pages would shift.
    const within = this.#within + (Date.now() - this.#began);
    const text = JSON.stringify({ node: this.#node, within, page });
    const question: RpcQuestion = {
      name: whyQuery,
      payload: Buffer.from(text),
      filterNodes,
      filterTags: new Map(),
      requestAck: true,
      relayFactor: expected.length > 2 && expected.length <= maxRelayed ? 2 : 0,
      timeout: undefined,
    };
    const running = await this.#agent.query(question, (answer) => {
      this.#reached.add(answer.from);
      if (answer.kind === "ack") {
        round.noteReached(answer.from);
        return;
      }
      round.noteAnswer(answer.from);
      this.#take(page, answer.from, answer.payload);
    });
    await Promise.race([running.done, round.complete]);
    round.end();
  }

  #take(page: number, from: string, payload: Uint8Array): void {
    const now = Date.now();
    const answer = readAnswer(unpackJson(payload, dictionary), this.#node, now);
    if (answer === undefined) return;
    const { items, more, reach } = answer;
    const teller = this.#tellers.get(from);
    if (teller === undefined) {
      if (page === 0) this.#tellers.set(from, { items: [...items], reach: now - reach, more });
    } else if (page > 0) {
      teller.items.push(...items);
      teller.more = more && items.length > 0;
    }
  }
}

/** Waits until all who are expected have answered, or have confirmed and had the time to answer. */
class Round {
  readonly complete: Promise<void>;
  readonly #expected: Set<string>;
  readonly #timers = new Set<NodeJS.Timeout>();
  #resolve: () => void = () => {};

  constructor(expected: readonly string[]) {
    this.#expected = new Set(expected);
    this.complete = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (this.#expected.size === 0) this.#resolve();
  }

  noteReached(name: string): void {
    if (!this.#expected.has(name)) return;
    this.#timers.add(setTimeout(() => this.noteAnswer(name), answerWithin));
  }

  noteAnswer(name: string): void {
    this.#expected.delete(name);
    if (this.#expected.size === 0) this.#resolve();
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** Names in one question; it may have 1,024 bytes. */
function grouped(names: readonly string[]): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const name of names) {
    const bytes = Buffer.byteLength(name) + 2;
    if (bytes > room) {
      groups.push([]);
      room = 600;
    }
    groups.at(-1)?.push(name);
    room -= bytes;
  }
  return groups;
}
