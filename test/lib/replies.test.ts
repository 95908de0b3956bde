import { expect, test } from "vitest";
import { OperatorError, type QueryReply } from "../../src/lib/index.js";
import { type AskedQuery, repliesTo } from "../../src/lib/replies.js";
import type { QueryAnswer } from "../../src/rpc/api.js";

/** A query whose answers and end the test decides. */
class ScriptedQuery {
  asked = 0;
  stopped = 0;
  answer: (answer: QueryAnswer) => void = () => {};
  end: () => void = () => {};
  fail: (error: Error) => void = () => {};
  readonly replies = repliesTo(async (sink): Promise<AskedQuery> => {
    this.asked += 1;
    this.answer = sink;
    const done = new Promise<void>((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
    const stop = (): void => {
      this.stopped += 1;
    };
    return { stop, done };
  });
}

const ack: QueryAnswer = { kind: "ack", from: "a" };
const response: QueryAnswer = { kind: "response", from: "a", payload: Uint8Array.of(1) };
const reply: QueryReply = { type: "response", from: "a", payload: Uint8Array.of(1) };

test("nothing is asked before the first reply is wanted", async () => {
  const query = new ScriptedQuery();
  expect(query.asked).toBe(0);
  const first = query.replies.next();
  expect(query.asked).toBe(1);
  query.answer(ack);
  expect(await first).toEqual({ done: false, value: { type: "ack", from: "a" } });
});

test("what came before the end is given before it, and nothing is stopped then", async () => {
  const query = new ScriptedQuery();
  const first = query.replies.next();
  for (const answer of [ack, response]) query.answer(answer);
  query.end();
  await first;
  expect(await query.replies.next()).toEqual({ done: false, value: reply });
  expect(await query.replies.next()).toEqual({ done: true, value: undefined });
  expect(query.stopped).toBe(0);
});

test("who leaves the loop stops the query", async () => {
  const query = new ScriptedQuery();
  const first = query.replies.next();
  query.answer(response);
  expect(await first).toEqual({ done: false, value: reply });
  await query.replies.return();
  expect(query.stopped).toBe(1);
});

test("a connection that ends fails the loop, after what had come", async () => {
  const query = new ScriptedQuery();
  const first = query.replies.next();
  query.answer(response);
  query.fail(new OperatorError("connection closed"));
  expect(await first).toEqual({ done: false, value: reply });
  await expect(query.replies.next()).rejects.toThrow(new OperatorError("connection closed"));
  expect(query.stopped).toBe(0);
});
