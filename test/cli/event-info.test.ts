import { expect, test } from "vitest";
import { eventInfo } from "../../src/cli/event-info.js";
import { member } from "../rpc/scripted-api.js";

test("a member event is shown as Serf's monitor shows it", () => {
  const one = member("a1", { ip: [127, 0, 0, 31], port: 27901, tags: { x: "a b", d: "" } });
  const map = "map[interface {}]interface {}";
  expect(eventInfo({ kind: "member", event: "member-update", members: [one] })).toBe(
    `Event Info:
\tEvent: "member-update"
\tMembers: []interface {}{${map}{"Addr":[]uint8{0x7f, 0x0, 0x0, 0x1f}, "DelegateCur":5, "DelegateMax":5, "DelegateMin":2, "Name":"a1", "Port":0x6cfd, "ProtocolCur":2, "ProtocolMax":5, "ProtocolMin":1, "Status":"alive", "Tags":${map}{"d":"", "x":"a b"}}}
`,
  );
});

test("a user event has its payload in Go's syntax, and nil if it is empty", () => {
  const event = { kind: "user", ltime: 1, name: "deploy", coalesce: true } as const;
  expect(eventInfo({ ...event, payload: Buffer.from("hello") })).toBe(
    'Event Info:\n\tCoalesce: true\n\tEvent: "user"\n\tLTime: 1\n\tName: "deploy"\n\tPayload: []byte{0x68, 0x65, 0x6c, 0x6c, 0x6f}\n',
  );
  expect(eventInfo({ ...event, payload: Buffer.alloc(0) })).toContain("\tPayload: <nil>\n");
});

test("a query has its id, and large numbers are in hex", () => {
  const query = {
    kind: "query",
    id: 2,
    ltime: 300,
    name: 'q"\n\u0001é\u200b\u{e0001}😀',
    payload: Buffer.from("p"),
  };
  expect(eventInfo(query as Parameters<typeof eventInfo>[0])).toBe(
    'Event Info:\n\tEvent: "query"\n\tID: 2\n\tLTime: 0x12c\n\tName: "q\\"\\n\\x01é\\u200b\\U000e0001😀"\n\tPayload: []byte{0x70}\n',
  );
});
