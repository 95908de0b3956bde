import { expect, test } from "vitest";
import { Arrival } from "../../src/agent/arrival.js";
import type { Member } from "../../src/serf/events.js";
import { member } from "./handler-events.js";

const nobody = { nodeName: "me", startJoin: [], retryJoin: [], discover: "" };

/** An agent that has begun, and the members that it sees. */
function arrival(settings: Partial<typeof nobody> | object = {}, remembered: string[] = []) {
  const seen: Member[] = [member("me")];
  const serf = { local: member("me"), members: () => seen };
  const arrived = new Arrival(serf, { ...nobody, ...settings }, remembered);
  return { arrived, seen };
}

test("nothing is known before we are a member ourselves", () => {
  const { arrived } = arrival();
  expect(arrived.isComplete).toBe(false);
  arrived.begin();
  expect(arrived.isComplete).toBe(true);
});

test.for<{ why: string; settings: object; remembered: string[] }>([
  { why: "start_join", settings: { startJoin: ["x"] }, remembered: [] },
  { why: "retry_join", settings: { retryJoin: ["x"] }, remembered: [] },
  { why: "discover", settings: { discover: "x" }, remembered: [] },
  { why: "a snapshot with others", settings: {}, remembered: ["me", "web1"] },
])("with $why the list is not believed before somebody answered or is there", (row) => {
  const joining = arrival(row.settings, row.remembered);
  joining.arrived.begin();
  joining.seen.push(member("web1", { status: "failed" }));
  expect(joining.arrived.isComplete).toBe(false);
  expect(joining.arrived.noteContact()).toBe(true);
  expect(joining.arrived.isComplete).toBe(true);
  expect(joining.arrived.noteContact()).toBe(false);
  const met = arrival(row.settings, row.remembered);
  met.arrived.begin();
  met.seen.push(member("web1"));
  expect(met.arrived.isComplete).toBe(true);
  // Whoever was there once has told us of all others.
  met.seen.pop();
  expect(met.arrived.isComplete).toBe(true);
});

test("a snapshot of nobody but ourselves is nobody to wait for", () => {
  const { arrived } = arrival({}, ["me"]);
  arrived.begin();
  expect(arrived.isComplete).toBe(true);
});
