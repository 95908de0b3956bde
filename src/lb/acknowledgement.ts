import { type Instant, type Millis, seconds } from "../base/units.js";
import type { DrainAnswer } from "./load-balancer.js";
import { parseDrainAnswers } from "./questions.js";

/** The tag by which a member says which balancers run on it, separated by commas. */
export const balancerTag = "balancer";

/** What a node waits for: that it gets no requests any more, or that it gets some again. */
export type Wanted = "out" | "serving";

/** What a member says that runs balancers. */
interface BalancerMember {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** One balancer and what it said last of the node. */
export interface Acknowledgement {
  readonly member: string;
  /** Its name; empty if the member did not tell one. */
  readonly balancer: string;
  /** undefined: it has not answered. */
  readonly state: DrainAnswer["state"] | undefined;
  /** Requests under way on the node. */
  readonly inUse: number;
  /** It need not be waited for any more. */
  readonly done: boolean;
}

/** The cluster as the one sees it who asks. */
export interface BalancerGroup {
  now(): Instant;
  /** Resolves after `delay`. */
  pause(delay: Millis): Promise<void>;
  /** Members that are alive and have the tag {@link balancerTag}, now. */
  balancers(): readonly BalancerMember[] | Promise<readonly BalancerMember[]>;
  /**
   * Sends the query `lb-drained` about `node` to all of them. Resolves when all of `awaited` have
   * answered, or after `time`.
   */
  ask(
    node: string,
    awaited: readonly string[],
    time: Millis,
    take: (from: string, payload: Uint8Array) => void,
  ): Promise<void>;
}

/** Between two queries; longer each time, since all members pass each of them on. */
const shortestPause: Millis = 200;
const longestPause: Millis = seconds(1);

/** How long answers to one query are waited for. */
const answerTime: Millis = seconds(1);

/**
 * How long a balancer may say what it need not: that its proxy cannot be asked, which does no balancing
 * then either; or, when others serve the node again, that it does not, since it never does.
 */
const patience: Millis = seconds(2);

/**
 * Asks all balancers again and again until each of them has said what is wanted of `node`, at most for
 * `limit`. `onNews` is called whenever something is known that was not before.
 *
 * Balancers that fail or leave meanwhile are waited for no longer, those that come are asked as well.
 */
export async function untilAcknowledged(
  node: string,
  wanted: Wanted,
  limit: Millis,
  group: BalancerGroup,
  onNews: (state: readonly Acknowledgement[]) => void = () => {},
): Promise<readonly Acknowledgement[]> {
  const begun = group.now();
  const answers = new Answers(node, wanted);
  let pause = shortestPause;
  let told = "[]";
  const tell = (): readonly Acknowledgement[] => {
    const state = answers.state(group.now());
    const text = JSON.stringify(state);
    if (text !== told) onNews(state);
    told = text;
    return state;
  };
  for (;;) {
    const asked = group.now();
    answers.setMembers(await group.balancers());
    const pending = answers.pending(asked);
    const left = begun + limit - asked;
    if (pending.length === 0 || left <= 0) return tell();
    await group.ask(node, pending, Math.min(answerTime, left), (from, payload) => {
      answers.take(group.now(), from, parseDrainAnswers(payload));
      tell();
    });
    const now = group.now();
    if (answers.pending(now).length === 0) return tell();
    await group.pause(Math.max(0, Math.min(asked + pause, begun + limit) - now));
    pause = Math.min(longestPause, pause * 1.5);
  }
}

/** What one balancer said, and since when it says it. */
interface Said extends DrainAnswer {
  readonly since: Instant;
}

/** What all balancers said so far. */
class Answers {
  readonly #node: string;
  readonly #wanted: Wanted;
  /** By member; of each what its tag names, and what was in its last answer. */
  readonly #members = new Map<
    string,
    { readonly names: readonly string[]; said: ReadonlyMap<string, Said> }
  >();

  constructor(node: string, wanted: Wanted) {
    this.#node = node;
    this.#wanted = wanted;
  }

  setMembers(members: readonly BalancerMember[]): void {
    const before = new Map(this.#members);
    this.#members.clear();
    for (const { name, tags } of members) {
      const names = (tags.get(balancerTag) ?? "").split(",").filter((one) => one !== "");
      if (names.length === 0) continue;
      this.#members.set(name, { names, said: before.get(name)?.said ?? new Map() });
    }
  }

  take(now: Instant, from: string, answers: readonly DrainAnswer[]): void {
    const member = this.#members.get(from);
    if (member === undefined) return;
    const said = new Map<string, Said>();
    for (const answer of answers) {
      if (answer.node !== this.#node) continue;
      const before = member.said.get(answer.balancer);
      const since = before?.state === answer.state ? before.since : now;
      said.set(answer.balancer, { ...answer, since });
    }
    if (said.size > 0) member.said = said;
  }

  pending(now: Instant): readonly string[] {
    const missing = this.state(now).filter(({ done }) => !done);
    return [...new Set(missing.map(({ member }) => member))];
  }

  state(now: Instant): readonly Acknowledgement[] {
    const served = [...this.#members.values()].some(({ said }) =>
      [...said.values()].some(({ state }) => state === "serving"),
    );
    return [...this.#members].flatMap(([member, { names, said }]) => {
      // A script need not know how the tag calls it; what the tag leaves out does no balancing.
      const isNamed = said.size === 0 || names.some((one) => said.has(one));
      return (isNamed ? names : [...said.keys()]).map((balancer) => {
        const answer = said.get(balancer);
        const { state, inUse = 0 } = answer ?? {};
        return { member, balancer, state, inUse, done: this.#isDone(now, answer, served) };
      });
    });
  }

  #isDone(now: Instant, answer: Said | undefined, served: boolean): boolean {
    if (answer === undefined) return false;
    if (answer.state === this.#wanted) return true;
    if (now - answer.since < patience) return false;
    return answer.state === "unknown" || (answer.state === "out" && served);
  }
}
