import { expect, onTestFinished, test } from "vitest";
import {
  type Agent,
  type ClusterEvent,
  type EventName,
  type MemberEvent,
  OperatorError,
  type QueryEvent,
  type UserEvent,
} from "../../src/lib/index.js";
import { Listeners } from "../../src/lib/listeners.js";
import { until } from "../support/wait.js";
import { embed, gossipOf } from "./embedding.js";

const user = (name: string): UserEvent => ({
  type: "user",
  name,
  payload: new Uint8Array(),
  ltime: 1,
  coalesce: false,
});

/** Listeners whose start is over. */
function open(): Listeners {
  const listeners = new Listeners();
  listeners.release();
  return listeners;
}

/** The warnings of listeners that this test causes. */
function caughtWarnings(): readonly Error[] {
  const caught: Error[] = [];
  const note = (warning: Error): void => {
    if (warning.name === "GossipdWarning") caught.push(warning);
  };
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  return caught;
}

test.for<{ name: EventName; heard: readonly string[] }>([
  { name: "*", heard: ["member-join", "user:a", "user:a,b", "query:a"] },
  { name: "member-join", heard: ["member-join"] },
  { name: "member-leave", heard: [] },
  { name: "user", heard: ["user:a", "user:a,b"] },
  { name: "user:a", heard: ["user:a"] },
  { name: "user:a,b", heard: ["user:a,b"] },
  { name: "query:a", heard: ["query:a"] },
])("a listener of $name hears of $heard", ({ name, heard }) => {
  const listeners = open();
  const told: string[] = [];
  listeners.add(name, (event: ClusterEvent) => {
    told.push("name" in event ? `${event.type}:${event.name}` : event.type);
  });
  const join: MemberEvent = { type: "member-join", members: [] };
  const query: QueryEvent = { ...user("a"), type: "query", respond: async () => {} };
  for (const event of [join, user("a"), user("a,b"), query]) listeners.tell(event);
  expect(told).toEqual(heard);
});

test("a listener that is removed while an event is told is told no more", () => {
  const listeners = open();
  const told: string[] = [];
  let removeOther = (): void => {};
  const remove = listeners.add("*", () => {
    told.push("one");
    removeOther();
    listeners.add("*", () => told.push("three"));
    remove();
  });
  removeOther = listeners.add("*", () => told.push("two"));
  listeners.tell(user("a"));
  expect(told).toEqual(["one"]);
  listeners.tell(user("b"));
  expect(told).toEqual(["one", "three"]);
});

test("of too many events before the release the oldest are dropped", () => {
  const listeners = new Listeners();
  const told: string[] = [];
  listeners.add("user", ({ name }) => told.push(name));
  for (let count = 0; count <= 1_024; count += 1) listeners.tell(user(String(count)));
  expect(told).toEqual([]);
  listeners.release();
  expect(told).toHaveLength(1_024);
  expect(told[0]).toBe("1");
});

test("listeners that fail are warned of, and disturb nobody", async () => {
  const warnings = caughtWarnings();
  const listeners = open();
  const told: string[] = [];
  listeners.add("user:a", () => {
    throw new Error("at once");
  });
  listeners.add("user", async () => {
    throw new Error("later");
  });
  listeners.add("*", () => told.push("heard"));
  listeners.tell(user("a"));
  expect(told).toEqual(["heard"]);
  await until("both are warned of", () => warnings.length === 2);
  expect(warnings.map(({ message }) => message).sort()).toEqual([
    "a listener of user failed: later",
    "a listener of user:a failed: at once",
  ]);
  expect(warnings[0]).toMatchObject({ code: "GOSSIPD_LISTENER", detail: expect.any(String) });
});

test.for(["member-jion", "user:", "", "member-join,member-leave"])(
  "there is no event %j to listen to",
  async (name) => {
    const agent = await embed();
    expect(() => agent.on(name as EventName, () => {})).toThrow(
      new OperatorError(`there is no event ${JSON.stringify(name)} to listen to`),
    );
  },
);

/** Everything that `agent` is told from now on. */
function heardBy(agent: Agent): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  agent.on("*", (event) => events.push(event));
  return events;
}

test("members, user events and who fails are told as they come", async () => {
  const one = await embed({ name: "one" });
  const heard = heardBy(one);
  one.on("member-join", () => {
    throw new Error("a listener's fault");
  });
  const warnings = caughtWarnings();
  const two = await embed({ name: "two", join: [gossipOf(one)] });
  const joined = (event: ClusterEvent): boolean =>
    event.type === "member-join" && event.members.some(({ name }) => name === "two");
  await until("one is told of two", () => heard.some(joined), { last: () => heard });
  expect(warnings.length).toBeGreaterThan(0);
  await two.userEvent("deploy", Uint8Array.of(1, 2), { coalesce: false });
  await until("one is told of deploy", () => heard.some(({ type }) => type === "user"));
  expect(heard.find(({ type }) => type === "user")).toMatchObject({
    name: "deploy",
    payload: Uint8Array.of(1, 2),
    coalesce: false,
  });
  await two.stop();
  expect(await two.closed).toBe("stopped");
  await until("two has failed", () => heard.some(({ type }) => type === "member-failed"));
});

test("a user event that is too long is refused", async () => {
  const agent = await embed();
  await expect(agent.userEvent("x", "y".repeat(600))).rejects.toThrow(
    new OperatorError("user event exceeds configured limit of 512 bytes before encoding"),
  );
});
