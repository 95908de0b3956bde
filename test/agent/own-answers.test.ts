import { expect, test } from "vitest";
import { OwnAnswers } from "../../src/agent/own-answers.js";
import { type PeerAnswer, PeerAnswers } from "../../src/agent/peer-answers.js";
import { OperatorError } from "../../src/base/errors.js";
import type { QueryEvent } from "../../src/serf/events.js";
import { decodeText, encodeText } from "../../src/wire/text.js";
import { RecordedLog } from "../support/recorded-log.js";
import { until } from "../support/wait.js";

const query: QueryEvent = {
  kind: "query",
  id: 7,
  ltime: 1,
  name: "gossipd-reach",
  payload: encodeText("{}"),
  deadline: 1_000,
  from: "mallory",
};

function ownAnswers(answer: PeerAnswer): {
  readonly own: OwnAnswers;
  readonly log: RecordedLog;
  readonly responses: string[];
} {
  const log = new RecordedLog();
  const peers = new PeerAnswers();
  peers.on("gossipd-reach", answer);
  const responses: string[] = [];
  const own = new OwnAnswers({
    log,
    self: "a",
    tags: { change: () => Promise.resolve() },
    respond: (_id, payload) => void responses.push(decodeText(payload)),
    peers,
    askBalancers: () => undefined,
  });
  return { own, log, responses };
}

test("a question of another agent whose answer fails unforeseen is logged and does no harm", async () => {
  const { log, own, responses } = ownAnswers(() => {
    throw new RangeError("Port should be > 0");
  });
  expect(own.take(query)).toBe(true);
  await until("it is logged", () => log.lines.length > 0);
  expect(log.lines).toMatchObject([
    { level: "error", fields: { from: "mallory", reason: "Port should be > 0" } },
  ]);
  expect(responses).toEqual([]);
});

test("what the one who asks can mend is answered", async () => {
  const { own, responses } = ownAnswers(() => Promise.reject(new OperatorError("node is no name")));
  own.take(query);
  await until("it is answered", () => responses.length > 0);
  expect(responses).toEqual(["error: node is no name\n"]);
});
