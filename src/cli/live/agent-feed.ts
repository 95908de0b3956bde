import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";
import type { RpcClient } from "../../rpc/client.js";
import { rpcErrors } from "../../rpc/protocol.js";

/** What is known of an agent at one time. */
export type FeedState<T> =
  /** `reason`: why it is not there yet, or not any more; the value is what it said last. */
  | { readonly kind: "away"; readonly reason: string; readonly value: T | undefined }
  | { readonly kind: "here"; readonly value: T };

export interface AgentFeedParts<T> {
  readonly connect: () => Promise<RpcClient>;
  readonly read: (agent: RpcClient) => Promise<T>;
  /** How often it is read without an event. */
  readonly interval: Millis;
  /** Waits for an agent that is not there yet; otherwise the first failure is that of the feed. */
  readonly isPatient: boolean;
  readonly onState: (state: FeedState<T>) => void;
}

const memberEvents = ["join", "leave", "failed", "update", "reap"].map((what) => `member-${what}`);

/** What an agent will say again however often it is asked. */
const finalErrors = [rpcErrors.authInvalid, rpcErrors.authRequired, "Failed to compile regex"];

/** Between two readings, however many events there are. */
const shortestPause: Millis = 100;

/** Between two tries to reach the agent. */
const reconnectPause: Millis = 500;

/**
 * Reads something from an agent again and again: when it tells of a change of the members, and from time
 * to time. While the agent is away it is sought again.
 */
export class AgentFeed<T> {
  readonly #parts: AgentFeedParts<T>;
  #value: T | undefined;
  #isOver = false;
  #agent: RpcClient | undefined;
  #wake: () => void = () => {};
  #isWoken = false;

  constructor(parts: AgentFeedParts<T>) {
    this.#parts = parts;
  }

  /** Reads at once, though nothing was told. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Ends {@link run}, also if the agent does not answer just then. */
  stop(): void {
    this.#isOver = true;
    this.wake();
    this.#agent?.close();
  }

  /** Resolves after {@link stop}; rejects with OperatorError if going on makes no sense. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#visit();
      } catch (thrown) {
        if (!(thrown instanceof OperatorError)) throw thrown;
        if (this.#isOver) return;
        if (this.#isHopeless(thrown)) throw thrown;
        this.#parts.onState({ kind: "away", reason: thrown.message, value: this.#value });
        this.#isWoken = false;
        await this.#pause(reconnectPause);
      }
    }
  }

  async #visit(): Promise<void> {
    const agent = await this.#parts.connect();
    this.#agent = agent;
    try {
      if (this.#isOver) return;
      // Before the first reading, or what happens in between is missed.
      await agent.stream(memberEvents.join(","), () => this.wake());
      const lost = agent.closed.then((reason) => {
        throw new OperatorError(reason);
      });
      lost.catch(() => {});
      while (!this.#isOver) {
        this.#isWoken = false;
        this.#value = await this.#parts.read(agent);
        if (this.#isOver) return;
        this.#parts.onState({ kind: "here", value: this.#value });
        await Promise.race([this.#untilDue(), lost]);
      }
    } finally {
      this.#wake();
      agent.close();
    }
  }

  async #untilDue(): Promise<void> {
    const { interval } = this.#parts;
    await this.#pause(interval);
    if (!this.#isOver) await new Promise((resolve) => setTimeout(resolve, shortestPause));
  }

  /** Until somebody wakes us, or has done so already. */
  #pause(time: Millis): Promise<void> {
    if (this.#isWoken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #isHopeless({ message }: OperatorError): boolean {
    return (
      finalErrors.some((text) => message.includes(text)) ||
      (this.#value === undefined && !this.#parts.isPatient)
    );
  }
}
