import { describe, expect, test } from "vitest";
import { Candidates, rosterOf } from "../../src/lb/backends.js";
import type { PoolConfig } from "../../src/lb/config.js";
import type { LbMember, Refusal } from "../../src/lb/model.js";
import { type MemberTraits, member, viewOf, webPool, webs } from "./support/policy.js";

function candidates(members: readonly LbMember[], pool: Partial<PoolConfig> = {}): Candidates {
  return Candidates.of({ ...webPool, ...pool }, rosterOf(viewOf(members)));
}

const nodes = (found: Candidates): string[] => [...found.byKey.values()].map(({ node }) => node);
const told = (refused: readonly Refusal[]): string[] =>
  refused.map(({ node, reason }) => `${node}: ${reason}`);

const hostile = [
  'a"b',
  "a'b",
  "a`b",
  "a\nserver evil 10.6.6.6:80",
  "a\r\nb",
  "a;b",
  "a b",
  "a\tb",
  "a\\b",
  "a/b",
  "../../etc/passwd",
  "#",
  "{{ x }}",
  "{% include 'x' %}",
  "$(reboot)",
  "`reboot`",
  "$" + "{x}",
  "\u0000",
  "\u202e",
  "\ud800",
  "ü",
  "-rf",
  "",
  " ",
  "x".repeat(10_000),
  "1".repeat(10_000),
  "\n".repeat(10_000),
];

describe("values of members", () => {
  test.for<[string, (value: string) => LbMember]>([
    ["name", (value) => ({ ...member("web2"), name: value })],
    ["address", (value) => ({ ...member("web2"), ip: value })],
    ["address tag", (value) => member("web2", { tags: { lb_addr: value } })],
    ["port tag", (value) => member("web2", { tags: { port: value } })],
    ["weight tag", (value) => member("web2", { tags: { weight: value } })],
  ])("that are hostile as a %s refuse their member and nobody else", ([_, build]) => {
    for (const value of hostile) {
      const found = candidates([member("web1"), build(value), member("web3")]);
      expect(nodes(found)).toEqual(["web1", "web3"]);
      expect(found.refused).toHaveLength(1);
      for (const { node, reason } of found.refused) {
        expect(reason).toMatch(/^[\P{C}]{10,303}$/u);
        expect(node).toMatch(/^[\P{C}]{0,67}$/u);
        expect(reason).not.toContain("\n");
      }
    }
  });

  test("that are hostile in other tags never reach a server", () => {
    for (const value of hostile) {
      const found = candidates([member("web1", { tags: { note: value, [value]: "x" } })]);
      const [server] = found.byKey.values();
      const allowed = [/^[A-Za-z_][A-Za-z0-9_.-]*$/, /^[^\p{C}\p{Z}"'`#;\\{}$]*$/u] as const;
      for (const [name, text] of server?.tags ?? []) {
        expect(name).toMatch(allowed[0]);
        expect(text).toMatch(allowed[1]);
      }
      expect(server?.tags.get("role")).toBe("web");
    }
  });

  test.for<[MemberTraits, string]>([
    [{ tags: { port: "0" } }, 'tag port: the port "0" must be a number from 1 to 65535'],
    [{ tags: { port: "080" } }, 'tag port: the port "080" must be a number from 1 to 65535'],
    [{ tags: { weight: "257" } }, 'tag weight: the weight "257" must be a number from 0 to 256'],
    [{ tags: { lb_addr: "localhost" } }, 'tag lb_addr: "localhost" is not an IP address'],
    [{ ip: "0.0.0.0" }, "address 0.0.0.0 is not the address of one host"],
    [
      { tags: { port: "x", weight: "y" } },
      'tag port: the port "x" must be a number from 1 to 65535; tag weight: the weight "y" must be a number from 0 to 256',
    ],
  ])("like %j are refused with all that is wrong", ([traits, reason]) => {
    expect(told(candidates([member("web1", traits)]).refused)).toEqual([`web1: ${reason}`]);
    expect(candidates([member("web1", { ...traits, status: "failed" })]).refused).toEqual([]);
  });

  test("need a port from somewhere", () => {
    const members = [member("web1"), member("web2", { tags: { port: "81" } })];
    const found = candidates(members, { port: undefined });
    expect(nodes(found)).toEqual(["web2"]);
    expect(told(found.refused)).toEqual([
      "web1: it has no tag port, and the pool has no port; give either",
    ]);
  });

  test("are told one by one up to a bound", () => {
    const found = candidates(webs(1_000, { tags: { port: "x" } }));
    expect(found.refused).toHaveLength(101);
    expect(found.refused.at(-1)?.reason).toBe(
      "900 more members are refused; the first 100 are told one by one",
    );
  });
});

describe("an address", () => {
  const same = { ip: "10.0.0.1" };

  test("belongs to the first by name of those who live", () => {
    const found = candidates([member("web3", same), member("web2", same), member("web4")]);
    expect(nodes(found)).toEqual(["web2", "web4"]);
    expect(told(found.refused)).toEqual([
      "web3: 10.0.0.1 port 80 is the server of web2 already; give each member an address or port of its own",
    ]);
  });

  test("may be shared on several ports", () => {
    const found = candidates([
      member("web1", same),
      member("web2", { ...same, tags: { port: "81" } }),
    ]);
    expect(nodes(found)).toEqual(["web1", "web2"]);
  });

  test("belongs to who serves there before who does not", () => {
    const starting = member("web1", { ...same, tags: { state: "starting" } });
    expect(nodes(candidates([starting, member("web2", same)]))).toEqual(["web2"]);
  });

  test("belongs to who is there before who only names it", () => {
    const thief = member("aaa", { ip: "10.6.6.6", tags: { lb_addr: "10.0.0.1" } });
    const found = candidates([thief, member("web1")]);
    expect(nodes(found)).toEqual(["web1"]);
    expect(found.refused).toMatchObject([{ node: "aaa" }]);
  });

  test.for(["failed", "leaving", "left"] as const)(
    "of a member that is %s is free for another",
    (status) => {
      const found = candidates([member("web1", { ...same, status }), member("web2", same)]);
      expect(nodes(found)).toEqual(["web2"]);
      expect(found.refused).toEqual([]);
    },
  );

  test("is compared in its one canonical form", () => {
    const found = candidates([
      member("web1", { ip: "::ffff:10.0.0.1" }),
      member("web2", { ip: "10.0.0.1" }),
      member("web3", { ip: "2001:DB8:0::1" }),
      member("web4", { ip: "2001:db8::1" }),
    ]);
    expect(nodes(found)).toEqual(["web1", "web3"]);
  });
});

describe("a pool", () => {
  test("is full at its limit, whatever the dead ones are", () => {
    const members = [...webs(2, { status: "failed" }), ...webs(7).slice(2)];
    const found = candidates(members, { maxServers: 3 });
    expect(nodes(found)).toEqual(["web1", "web2", "web3", "web4", "web5"]);
    expect(told(found.refused)).toEqual([
      "web6: the pool is full: max_servers is 3, the first by name are in it",
      "web7: the pool is full: max_servers is 3, the first by name are in it",
    ]);
  });

  test("knows what became of its members", () => {
    const found = candidates([
      member("web1"),
      member("web2", { status: "left" }),
      member("web3", { tags: { role: "db" } }),
      member("web4", { tags: { port: "x" } }),
      member("web5", { ip: "10.0.0.1" }),
      member("web6", { tags: { port: "x" }, status: "failed" }),
    ]);
    const names = ["web1", "web2", "web3", "web4", "web5", "web6", "web7"];
    expect(names.map((name) => found.whereabouts(name))).toEqual([
      "moved",
      "left",
      "unmatched",
      "refused",
      "replaced",
      "failed",
      "vanished",
    ]);
  });

  test("takes one member per name", () => {
    expect(nodes(candidates([member("web1"), member("web1", { status: "failed" })]))).toEqual([
      "web1",
    ]);
  });
});
