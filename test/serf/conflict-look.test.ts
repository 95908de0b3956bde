import { expect, test } from "vitest";
import { type Address, formatAddress } from "../../src/base/address.js";
import { ConflictLook } from "../../src/serf/conflict-look.js";
import type { Membership } from "../../src/serf/membership.js";
import type { QueryMessage } from "../../src/wire/serf-messages.js";
import { address, text } from "../support/swim-host.js";

const held = address("10.0.0.1:7946");
const claimed = address("10.0.0.2:7946");

const question = (changes: Partial<QueryMessage> = {}): QueryMessage => ({
  kind: "query",
  ltime: 1,
  id: 1,
  ...claimed,
  sourceNode: "n",
  filters: undefined,
  flags: 0,
  relayFactor: 0,
  timeout: 3_200,
  name: "_serf_conflict",
  payload: text("n"),
  ...changes,
});

/** A look of a member that holds n at {@link held}; `there` says where somebody answers by that name. */
function look(query: QueryMessage, there: readonly Address[], inquires = true) {
  const asked: string[] = [];
  const exchanged: string[] = [];
  const answers: (string | undefined)[] = [];
  const membership = { get: (name: string) => (name === "n" ? { address: held } : undefined) };
  new ConflictLook({
    self: "me",
    membership: membership as unknown as Membership,
    inquires,
    patience: 200,
    ask: (now, { address: at }, _time, done) => {
      asked.push(formatAddress(at));
      done(
        now,
        there.includes(at) || there.some((one) => formatAddress(one) === formatAddress(at)),
      );
    },
    exchange: (_now, at) => exchanged.push(formatAddress(at)),
  }).look(0, query, (at) => answers.push(at && formatAddress(at)));
  return { asked: asked.length, exchanged, answers };
}

test.for<{ there: readonly Address[]; answer: string | undefined; where: string }>([
  { where: "only where it asks from", there: [claimed], answer: "10.0.0.2:7946" },
  { where: "only where it is held", there: [held], answer: undefined },
  { where: "at both", there: [held, claimed], answer: undefined },
  { where: "nowhere", there: [], answer: undefined },
])("a claimant that is there $where is answered with $answer", ({ there, answer }) => {
  expect(look(question(), there)).toEqual({
    asked: 2,
    exchanged: answer === undefined ? [] : [answer],
    answers: [answer],
  });
});

test.for<{ why: string; query: QueryMessage; inquires?: boolean }>([
  { why: "of another member", query: question({ sourceNode: "other" }) },
  { why: "about somebody unknown", query: question({ payload: text("x"), sourceNode: "x" }) },
  { why: "from where we hold the member", query: question(held) },
  { why: "if we do not inquire", query: question(), inquires: false },
])("nobody is asked for a question $why", ({ query, inquires = true }) => {
  expect(look(query, [claimed], inquires)).toEqual({
    asked: 0,
    exchanged: [],
    answers: [undefined],
  });
});
