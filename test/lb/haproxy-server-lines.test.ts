import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  identityOf,
  namedLines,
  namePattern,
  parseServerLine,
  parseServerLines,
  renderServerLine,
  type ServerLine,
  shapeOfSlot,
} from "../../src/lb/haproxy/server-lines.js";
import type { Server } from "../../src/lb/model.js";
import "../support/seed.js";

const web1: ServerLine = {
  name: "s01",
  ip: "10.0.0.1",
  port: 80,
  id: undefined,
  weight: 100,
  options: "check inter 1s",
  disabled: false,
  node: "web1",
};

test.for<[string, Partial<ServerLine>, string]>([
  ["of a server", {}, "server s01 10.0.0.1:80 weight 100 check inter 1s # web1"],
  [
    "of one that a cold start must not use",
    { disabled: true },
    "server s01 10.0.0.1:80 weight 100 check inter 1s disabled # web1",
  ],
  [
    "of a free slot",
    { ip: "127.0.0.1", port: 1, weight: undefined, node: undefined, disabled: true },
    "server s01 127.0.0.1:1 check inter 1s disabled",
  ],
  [
    "with an IPv6 address",
    { ip: "2001:db8::1", options: "" },
    "server s01 [2001:db8::1]:80 weight 100 # web1",
  ],
  [
    "with an id for hashing",
    { id: 77, options: "" },
    "server s01 10.0.0.1:80 id 77 weight 100 # web1",
  ],
])("the line %s", ([, changes, text]) => {
  const line = { ...web1, ...changes };
  expect(renderServerLine(line)).toBe(text);
  expect(parseServerLine(text)).toEqual(line);
});

test.for<[string, string, Partial<ServerLine> | undefined]>([
  ["with tabs and indentation", "\tserver  s01\t10.0.0.1:80   weight 5", { weight: 5 }],
  ["with a remark after the name", "server s01 10.0.0.1:80 # web1 do not touch", { node: "web1" }],
  ["with a hostile comment", "server s01 10.0.0.1:80 # ;reboot", { node: undefined }],
  ["with a comment close by", "server s01 10.0.0.1:80 check#web1", { node: "web1" }],
  ["with an escaped #", "server s01 10.0.0.1:80 a\\#b # web1", { node: "web1" }],
  ["with a quoted #", 'server s01 10.0.0.1:80 a "#b" # web1', { node: "web1" }],
  ["with another spelling of IPv6", "server s01 [2001:DB8:0::1]:80", { ip: "2001:db8::1" }],
  ["with IPv6 without brackets", "server s01 2001:db8::1:80", { ip: "2001:db8::1", port: 80 }],
  ["with a family", "server s01 ipv4@10.0.0.1:80", { ip: "10.0.0.1" }],
  ["with a weight out of range", "server s01 10.0.0.1:80 weight 900", { weight: undefined }],
  ["that is enabled after all", "server s01 10.0.0.1:80 disabled enabled", { disabled: false }],
  ["without a port", "server s01 10.0.0.1", undefined],
  ["with a name as its address", "server s01 web1.example:80", undefined],
  ["with a port out of range", "server s01 10.0.0.1:99999", undefined],
  ["of another kind", "server-template s 3 10.0.0.1:80", undefined],
  ["that is a comment", "# server s01 10.0.0.1:80", undefined],
  ["that is cut off", "server s01", undefined],
  ["that is empty", "", undefined],
])("a line %s is read as HAProxy would", ([, text, expected]) => {
  if (expected === undefined) expect(parseServerLine(text)).toBeUndefined();
  else expect(parseServerLine(text)).toMatchObject(expected);
});

test("of two lines with one name the first counts", () => {
  const lines = parseServerLines(["server s01 10.0.0.1:80", "junk", "server s01 10.0.0.2:80"]);
  expect(lines.map(({ ip }) => ip)).toEqual(["10.0.0.1"]);
});

test("whatever stands in a file is read or left, never thrown at", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseServerLine(`server s01 ${text}`)));
  fc.assert(fc.property(fc.string(), (text) => void parseServerLine(text)));
});

test("what members change in a slot's line does not change its shape", () => {
  const other = { ...web1, ip: "10.0.0.2", port: 81, weight: 3, disabled: true, node: "web2" };
  expect(shapeOfSlot(other)).toBe(shapeOfSlot(web1));
  expect(shapeOfSlot({ ...web1, options: "check" })).not.toBe(shapeOfSlot(web1));
});

describe("names for servers without slots", () => {
  const server = (node: string, ip: string): Server => {
    return { node, ip, port: 80, weight: 1, admission: "ready", cause: "alive", tags: new Map() };
  };

  test("say whose a server is, and differ when its address does", () => {
    const [one, other] = namedLines(
      [server("web1", "10.0.0.1"), server("web1", "10.0.0.2")],
      "",
      true,
    );
    expect(one?.name).toMatch(/^web1-[0-9a-f]{4}$/);
    expect(other?.name).not.toBe(one?.name);
    expect(other?.id).not.toBe(one?.id);
  });

  test("and ids are the same on every balancer", () => {
    const servers = ["web1", "web2", "web3"].map((node, index) => server(node, `10.0.0.${index}`));
    expect(namedLines(servers, "", true)).toEqual(
      namedLines(servers, "check", true).map((line) => ({ ...line, options: "" })),
    );
    const [alone] = namedLines(servers.slice(1, 2), "", true);
    expect(namedLines(servers, "", true)[1]).toEqual(alone);
  });

  test("never come twice, nor do ids, whoever is in service already", () => {
    const nodes = fc.constantFrom("a", "b", "a-0", "B");
    const servers = fc.uniqueArray(
      fc
        .tuple(nodes, fc.integer({ min: 1, max: 9 }))
        .map(([node, last]) => server(node, `10.0.0.${last}`)),
      { selector: identityOf, maxLength: 20 },
    );
    fc.assert(
      fc.property(servers, servers, (before, after) => {
        const taken = namedLines(before, "", true);
        const lines = namedLines(after, "", true, taken);
        const used = new Map(taken.map((line) => [line.id, identityOf(line)]));
        expect(new Set(lines.map(({ name }) => name)).size).toBe(after.length);
        expect(new Set(lines.map(({ id }) => id)).size).toBe(after.length);
        for (const line of lines) {
          expect(line.name).toMatch(namePattern);
          expect(used.get(line.id) ?? identityOf(line)).toBe(identityOf(line));
        }
      }),
    );
  });
});
