import { expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { UserEvent } from "../../src/serf/events.js";
import { encodeSerfMessage, type UserEventMessage } from "../../src/wire/serf-messages.js";
import { LoneSerf, remoteState } from "../support/lone-serf.js";

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

function eventMessage(ltime: number, name: string, payload = "", coalesce = false) {
  return { kind: "user-event", ltime, name, payload: text(payload), coalesce } as const;
}

function delivered({ node }: LoneSerf): string[] {
  return node.events
    .filter((event): event is UserEvent => event.kind === "user")
    .map(({ ltime, name, payload }) => `${ltime} ${name} ${Buffer.from(payload)}`);
}

/** What is gossiped of user events, as it left. */
function gossiped(lone: LoneSerf): UserEventMessage[] {
  return lone
    .takeSerfSent()
    .flatMap(({ message }) => (message.kind === "user-event" ? [message] : []));
}

test("our own event is delivered to us, gossiped, and moves the clock by one", () => {
  const lone = new LoneSerf();
  lone.meet("peer", 2);
  lone.run(1_000);
  lone.takeSent();
  lone.serf.userEvent(lone.cluster.now, "deploy", text("v1"), false);
  lone.cluster.settle(lone.node);
  expect(delivered(lone)).toEqual(["1 deploy v1"]);
  expect(lone.serf.stats()).toMatchObject({ eventTime: 2, eventQueue: 1 });
  lone.run(1_000);
  expect(gossiped(lone)[0]).toMatchObject({ ltime: 1, name: "deploy", coalesce: false });
});

test.for([
  {
    name: "n".repeat(112),
    payload: 400,
    error: "encoded user event exceeds configured limit of 512 bytes after encoding",
  },
  {
    name: "n".repeat(113),
    payload: 400,
    error: "user event exceeds configured limit of 512 bytes before encoding",
  },
  {
    name: "é".repeat(57),
    payload: 400,
    error: "user event exceeds configured limit of 512 bytes before encoding",
  },
])(
  "an event of $name.length characters and $payload bytes is refused",
  ({ name, payload, error }) => {
    const { serf } = new LoneSerf();
    expect(() => serf.userEvent(0, name, new Uint8Array(payload), true)).toThrow(
      new OperatorError(error),
    );
    expect(serf.stats()).toMatchObject({ eventTime: 1, eventQueue: 0 });
  },
);

test("the limit of an encoded event holds to the byte", () => {
  const overhead = encodeSerfMessage(eventMessage(1, "n", "x".repeat(300))).length - 300;
  const { serf } = new LoneSerf();
  serf.userEvent(0, "n", new Uint8Array(512 - overhead), false);
  expect(() => serf.userEvent(0, "n", new Uint8Array(512 - overhead + 1), false)).toThrow(
    OperatorError,
  );
});

test("a limit above 9216 bytes is refused", () => {
  expect(() => new LoneSerf({ userEventSizeLimit: 9_217 })).toThrow(
    new OperatorError("user event size limit exceeds limit of 9216 bytes"),
  );
});

test("an event that no packet can hold is delivered here and said not to be gossiped", () => {
  const lone = new LoneSerf({ userEventSizeLimit: 9_216 });
  lone.serf.userEvent(0, "big", new Uint8Array(5_000), false);
  lone.cluster.settle(lone.node);
  expect(delivered(lone)).toHaveLength(1);
  expect(lone.serf.stats().eventQueue).toBe(0);
  expect(lone.serf.counters.unsendable).toBe(1);
  expect(lone.node.log.at("warn")).toEqual(["message too long for a packet not gossiped"]);
});

test("a heard event is delivered once and gossiped with the bytes it came in", () => {
  const lone = new LoneSerf();
  lone.meet("peer", 2);
  lone.run(1_000);
  lone.takeSent();
  // A field of a later version, which a decoder skips and a careless relay would lose.
  const known = encodeSerfMessage(eventMessage(7, "deploy", "v1"));
  const extended = Uint8Array.from([...known, ...Buffer.from("a3466f6f01", "hex")]);
  extended[1] = (known[1] as number) + 1;
  lone.hearBytes(extended);
  lone.hearBytes(extended);
  expect(delivered(lone)).toEqual(["7 deploy v1"]);
  expect(lone.serf.stats()).toMatchObject({ eventTime: 8, eventQueue: 1 });
  lone.run(1_000);
  const [copy] = lone.takeSerfSent().filter(({ message }) => message.kind === "user-event");
  expect(Buffer.from(copy?.payload ?? []).toString("hex")).toBe(
    Buffer.from(extended).toString("hex"),
  );
});

test("a nil and an empty payload are the same event", () => {
  const lone = new LoneSerf();
  lone.hear({ ...eventMessage(1, "x"), payload: undefined });
  lone.hear(eventMessage(1, "x"));
  expect(delivered(lone)).toEqual(["1 x "]);
  expect(lone.serf.counters.duplicates).toBe(1);
});

test("name and payload are told apart where one ends and the other begins", () => {
  const lone = new LoneSerf();
  lone.hear(eventMessage(1, "ab", "c"));
  lone.hear(eventMessage(1, "a", "bc"));
  lone.hear({ ...eventMessage(1, "a"), payload: Uint8Array.of(0xff) });
  lone.hear({ ...eventMessage(1, "a"), payload: Uint8Array.of(0xfe) });
  expect(delivered(lone)).toHaveLength(4);
});

test("an event older than the buffer is dropped with a warning", () => {
  const lone = new LoneSerf();
  lone.hear(eventMessage(4_184, "new"));
  lone.hear(eventMessage(89, "past"));
  lone.hear(eventMessage(88, "past"));
  expect(delivered(lone)).toEqual(["4184 new ", "89 past "]);
  expect(lone.node.log.at("warn")).toEqual([
    "received old event past from time 88 (current: 4185)",
  ]);
});

test("only events that may be coalesced wait for the window", () => {
  const lone = new LoneSerf();
  lone.hear(eventMessage(1, "deploy", "first", true));
  lone.hear(eventMessage(2, "deploy", "second", true));
  lone.hear(eventMessage(3, "alarm", "now", false));
  expect(delivered(lone)).toEqual(["3 alarm now"]);
  lone.run(1_000);
  expect(delivered(lone)).toEqual(["3 alarm now", "2 deploy second"]);
});

test("a push/pull shows the events of the last 512 Lamport times, empty slots included", () => {
  const lone = new LoneSerf();
  lone.hear(eventMessage(3, "deploy", "v1"));
  lone.hear(eventMessage(3, "alarm"));
  const { events, eventLtime } = lone.exchange(remoteState());
  expect(eventLtime).toBe(4);
  expect(events).toHaveLength(512);
  expect(events.filter((slot) => slot !== undefined)).toMatchObject([
    { ltime: 3, events: [{ name: "deploy" }, { name: "alarm" }] },
  ]);
  expect(events[3]).toBeDefined();
});
