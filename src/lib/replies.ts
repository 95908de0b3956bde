import { OperatorError } from "../base/errors.js";
import type { QueryAnswer, RpcQuestion } from "../rpc/api.js";
import { longestQuery } from "../rpc/protocol.js";
import { flagOf, pairsOf, textOf, textsOf } from "./arguments.js";
import { bytesOf, type Payload } from "./payload.js";
import type { QueryOptions, QueryReply } from "./queries.js";

/** A query that was sent. */
export interface AskedQuery {
  /** Ends it early. */
  readonly stop: () => void;
  /** Resolves at its end; rejects with OperatorError if that cannot come any more. */
  readonly done: Promise<void>;
}

/** Throws {@link OperatorError} if an option is out of range or of a wrong type. */
export function questionOf(name: string, payload: Payload, options: QueryOptions): RpcQuestion {
  const { filterNodes = [], filterTags = {}, requestAck = false, timeout = 0 } = options;
  const { relayFactor = 0 } = options;
  if (!Number.isInteger(relayFactor) || relayFactor < 0 || relayFactor > 255) {
    throw new OperatorError(`"relayFactor" must be 0 to 255, not ${relayFactor}`);
  }
  if (!Number.isFinite(timeout) || timeout < 0) {
    throw new OperatorError(`"timeout" must be milliseconds, not negative, not ${timeout}`);
  }
  return {
    name: textOf("name", name),
    payload: bytesOf(payload),
    filterNodes: textsOf("filterNodes", filterNodes),
    filterTags: pairsOf("filterTags", filterTags),
    requestAck: flagOf("requestAck", requestAck),
    relayFactor,
    timeout: timeout === 0 ? undefined : Math.min(timeout, longestQuery),
  };
}

/** Asks when the first reply is wanted, and gives one reply after the other until the query is over. */
export async function* repliesTo(
  ask: (sink: (answer: QueryAnswer) => void) => Promise<AskedQuery>,
): AsyncGenerator<QueryReply, void, undefined> {
  /** At most an ack and a response of each member. */
  const waiting: QueryReply[] = [];
  let wake = (): void => {};
  let isOver = false;
  const { stop, done } = await ask((answer) => {
    waiting.push(replyOf(answer));
    wake();
  });
  const end = (): void => {
    isOver = true;
    wake();
  };
  done.then(end, end);
  try {
    for (;;) {
      for (let reply = waiting.shift(); reply !== undefined; reply = waiting.shift()) yield reply;
      if (isOver) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    await done;
  } finally {
    if (!isOver) stop();
  }
}

function replyOf(answer: QueryAnswer): QueryReply {
  const { kind, from } = answer;
  return kind === "ack" ? { type: kind, from } : { type: kind, from, payload: answer.payload };
}
