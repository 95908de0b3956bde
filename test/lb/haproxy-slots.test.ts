import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  identityOf,
  parseServerLines,
  renderServerLine,
  type ServerLine,
} from "../../src/lb/haproxy/server-lines.js";
import { assignSlots, type SlotQuestion, withoutSlot } from "../../src/lb/haproxy/slots.js";
import type { Admission, ServedServer, Server } from "../../src/lb/model.js";
import "../support/seed.js";

/** `web1 10.0.0.1`, with port 80, or `web1 10.0.0.1 drain`. */
function member(text: string): Server {
  const [node = "", ip = "", admission = "ready"] = text.split(" ");
  const rest = { port: 80, weight: 100, cause: "alive", tags: new Map() } as const;
  return { node, ip, admission: admission as Admission, ...rest };
}

/** `s01 10.0.0.1 ready 3`: the state and what is in use. */
function running(text: string): ServedServer {
  const [name = "", ip = "", state = "ready", inUse = "0"] = text.split(" ");
  const port = ip === "127.0.0.1" ? 1 : 80;
  const rest = { pool: "web", node: undefined, weight: 100, up: true, unchangedFor: 90_000 };
  return { name, ip, port, state: state as "ready", inUse: Number(inUse), ...rest };
}

function assign(
  members: readonly string[],
  lines: readonly string[],
  served: readonly string[] | undefined,
  more: Partial<SlotQuestion> = {},
): readonly ServerLine[] {
  return assignSlots({
    pool: { name: "web", servers: members.map(member) },
    lines: parseServerLines(lines),
    served: served?.map(running),
    slots: 2,
    options: "",
    mayShrink: false,
    rest: 0,
    ...more,
  });
}

const texts = (lines: readonly ServerLine[]): readonly string[] => lines.map(renderServerLine);

const free = (name: string): string => `server ${name} 127.0.0.1:1 disabled`;

describe("slots", () => {
  test("are laid out at first with some to spare", () => {
    expect(texts(assign([], [], undefined))).toEqual(["s01", "s02", "s03", "s04"].map(free));
    expect(texts(assign(["web1 10.0.0.1"], [], undefined, { slots: 3 }))).toEqual([
      "server s01 10.0.0.1:80 weight 100 # web1",
      ...["s02", "s03", "s04", "s05"].map(free),
    ]);
  });

  test("are kept, whoever comes and goes before in the order of names", () => {
    const lines = ["server s01 10.0.0.2:80 weight 100 # web2", free("s02"), free("s03")];
    const served = ["s01 10.0.0.2", "s02 127.0.0.1 maint", "s03 127.0.0.1 maint"];
    expect(texts(assign(["web1 10.0.0.1", "web2 10.0.0.2"], lines, served))).toEqual([
      "server s01 10.0.0.2:80 weight 100 # web2",
      "server s02 10.0.0.1:80 weight 100 # web1",
      free("s03"),
    ]);
  });

  test("of servers that are to get nothing are disabled, so that a cold start gives them nothing", () => {
    const lines = ["server s01 10.0.0.1:80 weight 100 # web1", free("s02")];
    for (const admission of ["drain", "out"]) {
      expect(texts(assign([`web1 10.0.0.1 ${admission}`], lines, ["s01 10.0.0.1"]))[0]).toBe(
        "server s01 10.0.0.1:80 weight 100 disabled # web1",
      );
    }
  });

  test("a changed address is a new server in another slot", () => {
    const lines = ["server s01 10.0.0.1:80 weight 100 # web1", free("s02")];
    const served = ["s01 10.0.0.1 ready 3", "s02 127.0.0.1 maint"];
    expect(texts(assign(["web1 10.0.0.9"], lines, served))).toEqual([
      "server s01 10.0.0.1:80 weight 100 disabled # web1",
      "server s02 10.0.0.9:80 weight 100 # web1",
    ]);
  });

  test.for([
    ["it is in maintenance with nothing under way", "s01 10.0.0.1 maint 0", free("s01")],
    [
      "not while it drains",
      "s01 10.0.0.1 drain 0",
      "server s01 10.0.0.1:80 weight 100 disabled # web1",
    ],
    [
      "not while requests are under way",
      "s01 10.0.0.1 maint 1",
      "server s01 10.0.0.1:80 weight 100 disabled # web1",
    ],
  ])("the slot of one that has gone is free again when %s", ([, state = "", line]) => {
    const lines = ["server s01 10.0.0.1:80 weight 100 disabled # web1"];
    expect(texts(assign([], lines, [state]))[0]).toBe(line);
  });

  test("one that comes back while it drains gets its slot back", () => {
    const lines = ["server s01 10.0.0.1:80 weight 100 disabled # web1", free("s02")];
    expect(texts(assign(["web1 10.0.0.1"], lines, ["s01 10.0.0.1 drain 2"]))[0]).toBe(
      "server s01 10.0.0.1:80 weight 100 # web1",
    );
  });

  test("the one that is longest unused is taken first", () => {
    const lines = [free("s01"), free("s02"), free("s03")];
    const served = ["s01", "s02", "s03"].map((name, index) => ({
      ...running(`${name} 127.0.0.1 maint`),
      unchangedFor: [1_000, 90_000, 5_000][index] ?? 0,
    }));
    const question = {
      pool: { name: "web", servers: [member("web1 10.0.0.1")] },
      ...{ lines: parseServerLines(lines), served, slots: 2, options: "", mayShrink: false },
    };
    const [, second] = assignSlots({ ...question, rest: 0 });
    expect(second?.node).toBe("web1");
    // With a rest of two minutes none may be taken, so there are more.
    const more = assignSlots({ ...question, rest: 120_000 });
    expect(more.find(({ node }) => node === "web1")?.name).toBe("s04");
  });

  test.for([
    [4, 8],
    [8, 12],
    [20, 30],
  ])("%i that are not enough become %i", ([has = 0, then]) => {
    const members = Array.from({ length: has + 1 }, (_, index) => `w${index} 10.0.1.${index}`);
    const lines = Array.from({ length: has }, (_, index) =>
      free(`s${String(index + 1).padStart(2, "0")}`),
    );
    expect(assign(members, lines, undefined)).toHaveLength(then ?? 0);
  });

  test("become fewer only when the file is loaded anew anyway, and never those in use", () => {
    const lines = assign([], [], undefined, { slots: 40 }).map(renderServerLine);
    expect(assign(["web1 10.0.0.1"], lines, [])).toHaveLength(40);
    expect(assign(["web1 10.0.0.1"], lines, [], { mayShrink: true })).toHaveLength(5);
    const busy = ["s30 10.0.0.7 drain 1"];
    expect(assign(["web1 10.0.0.1"], lines, busy, { mayShrink: true })).toHaveLength(30);
  });

  test("while HAProxy cannot be asked those of servers that have gone are used before there are more", () => {
    const lines = ["server s01 10.0.0.1:80 weight 100 disabled # web1", free("s02")];
    const assigned = assign(["web2 10.0.0.2", "web3 10.0.0.3"], lines, undefined);
    expect(assigned.map(({ node }) => node)).toEqual(["web3", "web2"]);
  });

  test("what people did to the lines is mended", () => {
    const lines = [
      "server s01 10.0.0.1:80 weight 7 # web1",
      "server s01 10.0.0.3:80 # web3",
      "server mine 10.0.0.4:80 check",
      "server s2 10.0.0.5:80",
      "server s03 10.0.0.1:80 # web1",
      "balance roundrobin",
    ];
    const served = ["s01 10.0.0.1", "s02 10.0.0.2 ready 1", "s03 10.0.0.1"];
    expect(texts(assign(["web1 10.0.0.1", "web2 10.0.0.2"], lines, served))).toEqual([
      "server s01 10.0.0.1:80 weight 100 # web1",
      // Its line was lost, and the process still knew it.
      "server s02 10.0.0.2:80 weight 100 # web2",
      "server s03 10.0.0.1:80 disabled # web1",
    ]);
  });

  test("a block that was emptied by mistake is found again in the process", () => {
    const served = ["s01 10.0.0.2 ready 1", "s02 10.0.0.1", "s03 127.0.0.1 maint"];
    expect(
      assign(["web1 10.0.0.1", "web2 10.0.0.2"], [], served)
        .slice(0, 2)
        .map(({ node }) => node),
    ).toEqual(["web2", "web1"]);
  });

  test("there are never more than 5,000, and those without one are named", () => {
    const members = Array.from({ length: 5_001 }, (_, index) =>
      member(`w${index} 10.0.${index >> 8}.${index & 255}`),
    );
    const pool = { name: "web", servers: members };
    const lines = assignSlots({
      ...{ pool, lines: [], served: undefined, slots: 8, options: "", mayShrink: false, rest: 0 },
    });
    expect(lines).toHaveLength(5_000);
    expect(withoutSlot(pool, lines)).toEqual(["w5000"]);
  });
});

test("however members change, each has exactly one slot, keeps it, and takes none that is in use", () => {
  const pools = fc.array(
    fc.uniqueArray(
      fc.record({
        node: fc.constantFrom("a", "b", "c", "d", "e"),
        last: fc.integer({ min: 1, max: 4 }),
        admission: fc.constantFrom<Admission>("ready", "drain", "out"),
      }),
      { selector: ({ node, last }) => `${node} ${last}` },
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(pools, fc.array(fc.nat(3), { minLength: 40, maxLength: 40 }), (rounds, uses) => {
      let lines: readonly ServerLine[] = [];
      let use = 0;
      for (const round of rounds) {
        const servers = round.map(({ node, last, admission }) =>
          member(`${node} 10.0.${node.charCodeAt(0)}.${last} ${admission}`),
        );
        // What is in use of the slots before, at random.
        const served = lines.map(({ name, ip, port, disabled }): ServedServer => {
          const inUse = uses[use++ % uses.length] ?? 0;
          const state = disabled ? "maint" : "ready";
          return { ...running(`${name} ${ip}`), port, state, inUse };
        });
        const before = new Map(lines.map((line) => [line.name, line]));
        const busy = new Set(
          served
            .filter(({ state, inUse }) => state !== "maint" || inUse > 0)
            .map(({ name }) => name),
        );
        const pool = { name: "web", servers };
        lines = assignSlots({
          ...{ pool, lines, served, slots: 2, options: "", mayShrink: false, rest: 0 },
        });
        const owned = lines.filter(({ node, disabled }) => node !== undefined && !disabled);
        expect(withoutSlot(pool, lines)).toEqual([]);
        expect(new Set(owned.map(identityOf)).size).toBe(owned.length);
        expect(owned.map(identityOf).sort()).toEqual(
          servers
            .filter(({ admission }) => admission === "ready")
            .map(identityOf)
            .sort(),
        );
        const wanted = new Set(servers.map(identityOf));
        for (const line of lines) {
          const was = before.get(line.name);
          if (was?.node !== undefined && wanted.has(identityOf(was))) {
            expect(identityOf(line)).toBe(identityOf(was));
          }
          if (was !== undefined && busy.has(line.name)) {
            expect([line.ip, line.port]).toEqual([was.ip, was.port]);
          }
        }
      }
    }),
  );
});
