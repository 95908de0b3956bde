import { describe, expect, test } from "vitest";
import {
  handlerEnvironment,
  handlerInput,
  inheritedEnvironment,
} from "../../src/handler/handler-input.js";
import { decodeText } from "../../src/wire/text.js";
import { member, memberEvent, query, userEvent } from "../agent/handler-events.js";

const stdin = (...members: Parameters<typeof memberEvent>[1][]) =>
  Buffer.from(handlerInput(memberEvent("member-join", ...members))).toString("latin1");

describe("stdin of member events", () => {
  test.for([
    { what: "no tags", one: member("b"), line: "b\t10.0.0.1\t\t\n" },
    {
      what: "role and tags, sorted",
      one: member("a", { tags: { role: "web", Port: "80" } }),
      line: "a\t10.0.0.1\tweb\tPort=80,role=web\n",
    },
    {
      what: "IPv6",
      one: member("a", { ip: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5] }),
      line: "a\t2001:db8::5\t\t\n",
    },
    {
      what: "tabs and newlines, which become \\t and \\n",
      one: member("a\tb\nc", { tags: { role: "w\te", k: "1\n2\t3" } }),
      line: "a\\tb\\nc\t10.0.0.1\tw\\te\tk=1\\n2\\t3,role=w\\te\n",
    },
    {
      what: "all else as it is",
      one: member("a\\ \"'`$(id)|;#", { tags: { k: "a,b=c\\t\r" } }),
      line: "a\\ \"'`$(id)|;#\t10.0.0.1\t\tk=a,b=c\\t\r\n",
    },
    {
      what: "bytes that are not UTF-8",
      one: member(decodeText(Uint8Array.of(0x61, 0xff, 0xc3, 0xa9))),
      line: "a\xff\xc3\xa9\t10.0.0.1\t\t\n",
    },
  ])("$what", ({ one, line }) => {
    expect(stdin(one)).toBe(line);
  });

  test("several members are several lines", () => {
    expect(stdin(member("a"), member("b"))).toBe("a\t10.0.0.1\t\t\nb\t10.0.0.1\t\t\n");
  });
});

test.for([
  { payload: "", bytes: "" },
  { payload: "x", bytes: "x\n" },
  { payload: "x\n", bytes: "x\n" },
  { payload: "\n", bytes: "\n" },
  { payload: "a\nb", bytes: "a\nb\n" },
])("the payload $payload of user events and queries ends in a newline", ({ payload, bytes }) => {
  expect(Buffer.from(handlerInput(userEvent("e", payload))).toString()).toBe(bytes);
  expect(Buffer.from(handlerInput(query("q", { payload }))).toString()).toBe(bytes);
});

describe("environment", () => {
  const self = member("me", { tags: { role: "lb", "we-ird.tag": "v", "1x": "one" } });

  test("of a member event: whose agent this is, and the ports", () => {
    const event = memberEvent(
      "member-join",
      member("a\tb", { port: 8001 }),
      member("c", { ip: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], port: 8002 }),
    );
    expect(handlerEnvironment(event, self, { PATH: "/bin", SERF_EVENT: "old" })).toEqual({
      PATH: "/bin",
      SERF_EVENT: "member-join",
      SERF_SELF_NAME: "me",
      SERF_SELF_ROLE: "lb",
      SERF_TAG_ROLE: "lb",
      SERF_TAG_WE_IRD_TAG: "v",
      SERF_TAG_1X: "one",
      SERF_MEMBER_PORTS: "a\\tb\t10.0.0.1:8001\nc\t[::1]:8002",
    });
  });

  test.for([
    { own: {}, address: "10.0.0.1:1" },
    { own: { SERF_RPC_ADDR: "" }, address: "10.0.0.1:1" },
    { own: { SERF_RPC_ADDR: "10.0.0.2:2" }, address: "10.0.0.2:2" },
  ])("names the agent's own RPC address, unless it was given one: $own", ({ own, address }) => {
    expect(inheritedEnvironment({ PATH: "/bin", ...own }, "10.0.0.1:1")).toEqual({
      PATH: "/bin",
      SERF_RPC_ADDR: address,
    });
  });

  test("the secrets of the agent's own configuration are not handed down", () => {
    const own = { GOSSIPD_ENCRYPT_KEY: "k", GOSSIPD_RPC_AUTH: "t", GOSSIPD_BIND: "b" };
    expect(inheritedEnvironment(own, "10.0.0.1:1")).toEqual({
      GOSSIPD_BIND: "b",
      SERF_RPC_ADDR: "10.0.0.1:1",
    });
  });

  test("of user events and queries: name and time", () => {
    expect(handlerEnvironment(userEvent("deploy"), member("me"), {})).toEqual({
      SERF_EVENT: "user",
      SERF_SELF_NAME: "me",
      SERF_SELF_ROLE: "",
      SERF_USER_EVENT: "deploy",
      SERF_USER_LTIME: "7",
    });
    expect(handlerEnvironment(query("load"), member("me"), {})).toEqual({
      SERF_EVENT: "query",
      SERF_SELF_NAME: "me",
      SERF_SELF_ROLE: "",
      SERF_QUERY_NAME: "load",
      SERF_QUERY_LTIME: "9",
    });
  });

  test.for([
    { tag: "a-b.c", variable: "SERF_TAG_A_B_C" },
    { tag: "1x", variable: "SERF_TAG_1X" },
    { tag: "é", variable: "SERF_TAG__" },
    { tag: "😀x", variable: "SERF_TAG__X" },
    { tag: "straße", variable: "SERF_TAG_STRA_E" },
    { tag: "ſ", variable: "SERF_TAG_S" },
    { tag: "", variable: "SERF_TAG_" },
    { tag: "a\nb=c", variable: "SERF_TAG_A_B_C" },
  ])("tag $tag is $variable", ({ tag, variable }) => {
    const environment = handlerEnvironment(
      userEvent("e"),
      member("me", { tags: { [tag]: "v\n=w" } }),
      {},
    );
    expect(environment[variable]).toBe("v\n=w");
  });

  test("of two tags with one variable the last in order wins", () => {
    const tags = { "a.b": "2", "a-b": "1", a_b: "3" };
    expect(handlerEnvironment(userEvent("e"), member("me", { tags }), {}).SERF_TAG_A_B).toBe("3");
  });

  test("thousands of members do not outgrow what execve takes", () => {
    const members = Array.from({ length: 20_000 }, (_, index) => member(`node-${index}`));
    const environment = handlerEnvironment(memberEvent("member-join", ...members), self, {});
    const lines = (environment.SERF_MEMBER_PORTS ?? "").split("\n");
    expect((environment.SERF_MEMBER_PORTS ?? "").length).toBeLessThanOrEqual(64 * 1024);
    expect(lines.length).toBeGreaterThan(2_000);
    expect(lines.at(-1)).toBe(`node-${lines.length - 1}\t10.0.0.1:7946`);
    expect(environment.SERF_MEMBER_PORTS_OMITTED).toBe(String(20_000 - lines.length));
  });

  test("what no variable can hold does not stop the script", () => {
    const { SERF_USER_EVENT } = handlerEnvironment(userEvent(`a\0${"ü".repeat(99_999)}`), self, {});
    expect(SERF_USER_EVENT?.slice(0, 3)).toBe("a\ufffdü");
    expect(Buffer.byteLength(SERF_USER_EVENT ?? "")).toBeLessThan(128 * 1024);
  });
});
