import { describe, expect, test } from "vitest";
import {
  formatFilter,
  parseHandlerSpec,
  parseStreamFilters,
  passes,
} from "../../src/agent/handler-spec.js";
import { OperatorError } from "../../src/base/errors.js";
import type { SerfEvent } from "../../src/serf/events.js";
import { member, memberEvent, query, userEvent } from "./handler-events.js";

describe("a handler is FILTERS=SCRIPT", () => {
  test.for([
    { text: "x.sh", handlers: ["* -> x.sh"] },
    { text: "=x.sh", handlers: ["* -> x.sh"] },
    { text: "*=FOO=1 x.sh", handlers: ["* -> FOO=1 x.sh"] },
    { text: "member-join=x.sh", handlers: ["member-join -> x.sh"] },
    {
      text: "member-leave,member-failed=x.sh -v",
      handlers: ["member-leave -> x.sh -v", "member-failed -> x.sh -v"],
    },
    {
      text: "member-join,member-join=x",
      handlers: ["member-join -> x", "member-join -> x"],
    },
    { text: "*,user=x", handlers: ["* -> x", "user -> x"] },
    { text: "user:deploy,query:load=x", handlers: ["user:deploy -> x", "query:load -> x"] },
    { text: "user:,query:=x", handlers: ["user -> x", "query -> x"] },
    { text: "user:a:b=x", handlers: ["user:a:b -> x"] },
    { text: "member-reap,member-update=", handlers: ["member-reap -> ", "member-update -> "] },
  ])("$text", ({ text, handlers }) => {
    const parsed = parseHandlerSpec(text);
    expect(parsed.map(({ filter, script }) => `${formatFilter(filter)} -> ${script}`)).toEqual(
      handlers,
    );
  });

  test.for([
    { text: "FOO=1 x.sh", named: "Event 'FOO' invoking '1 x.sh'" },
    { text: "member-join,nope=x.sh", named: "Event 'nope' invoking 'x.sh'" },
    { text: "member-join, user=x.sh", named: "Event ' user' invoking 'x.sh'" },
    { text: "Member-Join=x.sh", named: "Event 'Member-Join' invoking 'x.sh'" },
    { text: ",=x.sh", named: "Event '' invoking 'x.sh'" },
    { text: "member-join:web=x.sh", named: "Event 'member-join:web' invoking 'x.sh'" },
    { text: "constructor=x.sh", named: "Event 'constructor' invoking 'x.sh'" },
  ])("$text is refused", ({ text, named }) => {
    expect(() => parseHandlerSpec(text)).toThrow(
      new OperatorError(`Invalid event script: ${named}`),
    );
  });

  test("a stream has filters of the same form and its own complaint", () => {
    expect(parseStreamFilters("member-join,user:x").map(formatFilter)).toEqual([
      "member-join",
      "user:x",
    ]);
    expect(parseStreamFilters("").map(formatFilter)).toEqual(["*"]);
    expect(() => parseStreamFilters("nope")).toThrow(new OperatorError("Invalid event filter"));
  });
});

test("every filter lets pass what it names and nothing else", () => {
  const events: SerfEvent[] = [
    memberEvent("member-join", member("a")),
    memberEvent("member-leave", member("a")),
    memberEvent("member-failed", member("a")),
    memberEvent("member-update", member("a")),
    memberEvent("member-reap", member("a")),
    userEvent("deploy"),
    userEvent("Deploy"),
    userEvent("deploy-2"),
    query("load"),
    query("deploy"),
  ];
  const passing = (filterText: string): string[] =>
    events
      .filter((event) => parseStreamFilters(filterText).some((filter) => passes(filter, event)))
      .map((event) => ("name" in event ? `${event.kind}:${event.name}` : event.kind));
  expect(passing("*")).toHaveLength(events.length);
  expect(passing("member-join")).toEqual(["member-join"]);
  expect(passing("member-leave,member-failed")).toEqual(["member-leave", "member-failed"]);
  expect(passing("member-update,member-reap")).toEqual(["member-update", "member-reap"]);
  expect(passing("user")).toEqual(["user:deploy", "user:Deploy", "user:deploy-2"]);
  expect(passing("user:deploy")).toEqual(["user:deploy"]);
  expect(passing("query")).toEqual(["query:load", "query:deploy"]);
  expect(passing("query:load")).toEqual(["query:load"]);
  expect(passing("user:dep*")).toEqual([]);
});
