import { expect, test } from "vitest";
import { minutes } from "../../src/base/units.js";
import { IntentBuffer } from "../../src/serf/intents.js";

const timeout = minutes(5);

test("only a later intent of a name is news", () => {
  const intents = new IntentBuffer(timeout);
  expect(intents.add(0, "a", { kind: "join", ltime: 5 })).toBe(true);
  expect(intents.add(0, "a", { kind: "leave", ltime: 5 })).toBe(false);
  expect(intents.add(0, "a", { kind: "leave", ltime: 4 })).toBe(false);
  expect(intents.add(0, "a", { kind: "leave", ltime: 6 })).toBe(true);
  expect(intents.take(0, "a")).toMatchObject({ kind: "leave", ltime: 6 });
});

test("an intent is taken once", () => {
  const intents = new IntentBuffer(timeout);
  intents.add(0, "a", { kind: "join", ltime: 5 });
  intents.take(0, "a");
  expect(intents.take(0, "a")).toBeUndefined();
});

test.for([
  { age: timeout, kept: true },
  { age: timeout + 1, kept: false },
])("after $age ms an intent is kept: $kept", ({ age, kept }) => {
  const intents = new IntentBuffer(timeout);
  intents.add(0, "a", { kind: "leave", ltime: 1 });
  expect(intents.take(age, "a") !== undefined).toBe(kept);
});

test("what is too old goes without being asked for", () => {
  const intents = new IntentBuffer(timeout);
  intents.add(0, "a", { kind: "leave", ltime: 1 });
  intents.add(1, "b", { kind: "leave", ltime: 1 });
  intents.expire(timeout + 1);
  expect(intents.size).toBe(1);
});

test("a full buffer refuses new names and keeps the old ones", () => {
  const intents = new IntentBuffer(timeout);
  let names = 0;
  while (intents.add(0, `n${names}`, { kind: "join", ltime: 1 })) names += 1;
  expect(names).toBe(32_768);
  expect(intents.add(0, "n0", { kind: "leave", ltime: 2 })).toBe(true);
  expect(intents.size).toBe(names);
});
