import { OperatorError } from "../base/errors.js";
import type { TopicName, Topics } from "../observe/topics.js";

type Answer<Name extends TopicName> = (
  ask: Partial<Topics[Name]["ask"]>,
) => Topics[Name]["answer"] | Promise<Topics[Name]["answer"]>;

/** What the parts of an agent answer to its own commands and over HTTP, by topic. */
export class TopicAnswers {
  readonly #answers = new Map<string, (ask: object) => unknown>();

  /** `answer` checks what it is asked: that comes from a client. It throws {@link OperatorError} then. */
  on<Name extends TopicName>(topic: Name, answer: Answer<Name>): void {
    this.#answers.set(topic, answer);
  }

  /** Rejects with {@link OperatorError}. */
  async answer(topic: string, ask: object): Promise<unknown> {
    const answer = this.#answers.get(topic);
    if (answer === undefined) throw new OperatorError(`this agent knows no topic ${topic}`);
    return await answer(ask);
  }
}
