import { expect, test } from "vitest";
import { parseHandlerSpec } from "../../src/agent/handler-spec.js";
import { OperatorError } from "../../src/base/errors.js";
import type { SerfEvent } from "../../src/serf/events.js";
import { member, memberEvent, query, userEvent } from "./handler-events.js";
import { hubWith } from "./handler-scripts.js";

test("a stream gets what passes its filters, once and at once, until it ends", () => {
  const { hub } = hubWith([]);
  const seen: SerfEvent[] = [];
  const end = hub.subscribe("member-join,member-join,user:deploy", (event) => seen.push(event));
  const join = memberEvent("member-join", member("a"));
  const deploy = userEvent("deploy");
  for (const event of [join, userEvent("other"), query("deploy"), deploy]) hub.handle(event);
  expect(seen).toEqual([join, deploy]);
  end();
  end();
  hub.handle(join);
  expect(seen).toHaveLength(2);
});

test("a stream may end while it is told", () => {
  const { hub } = hubWith([]);
  const seen: string[] = [];
  const end = hub.subscribe("", () => {
    seen.push("first");
    end();
  });
  hub.subscribe("*", () => seen.push("second"));
  hub.handle(userEvent("x"));
  hub.handle(userEvent("x"));
  expect(seen).toEqual(["first", "second", "second"]);
});

test("an unknown filter is refused", () => {
  expect(() => hubWith([]).hub.subscribe("member-join,x", () => {})).toThrow(
    new OperatorError("Invalid event filter"),
  );
});

test("every event is a line in the log, with or without handlers", () => {
  const { hub, log } = hubWith([]);
  hub.handle(memberEvent("member-reap", member("a"), member("b")));
  hub.handle(userEvent("deploy"));
  hub.handle(query("load"));
  expect(log.lines).toEqual([
    "INFO Received event: member-reap",
    "INFO Received event: user-event: deploy",
    "INFO Received event: query: load",
  ]);
});

test("the statistics name every handler of the present configuration", () => {
  const { hub } = hubWith(["a.sh", "user:deploy=b.sh", "user=c.sh", "user=d.sh"]);
  expect([...hub.handlers()]).toEqual([
    ["*:", "a.sh"],
    ["user:deploy", "b.sh"],
    ["user:", "c.sh, d.sh"],
  ]);
  hub.setHandlers(parseHandlerSpec("query:load=e.sh"));
  expect([...hub.handlers()]).toEqual([["query:load", "e.sh"]]);
});

test("a script behind several filters is one handler", () => {
  const { hub } = hubWith([
    "member-join,member-leave,member-failed=a.sh",
    "user=a.sh",
    "state=a.sh",
  ]);
  expect(hub.handlerCount).toBe(2);
});

test("of whom it tells is noted, before it does; of many at once only the first and the count", () => {
  const deeds: unknown[] = [];
  const { hub } = hubWith([], { note: (deed) => deeds.push(deed) });
  hub.subscribe("*", ({ kind }) => deeds.push(kind));
  hub.handle(memberEvent("member-join", member("a"), member("b")));
  hub.handle(userEvent("deploy"));
  hub.handle(query("load"));
  expect(deeds).toEqual([
    { kind: "told", event: "member-join", nodes: ["a", "b"], count: 2 },
    "member-join",
    "user",
    "query",
  ]);
  const names = Array.from({ length: 40 }, (_, index) => `m${index}`);
  hub.handle(memberEvent("member-failed", ...names.map((name) => member(name))));
  expect(deeds[4]).toEqual({
    kind: "told",
    event: "member-failed",
    nodes: names.slice(0, 16),
    count: 40,
  });
});
