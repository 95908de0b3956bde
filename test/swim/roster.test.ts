import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { stateOf } from "../../src/swim/member.js";
import { type MemberRecord, Members } from "../../src/swim/members.js";
import { Roster } from "../../src/swim/roster.js";
import { encodeMemberState, StreamReader, sealStream } from "../../src/wire/stream.js";
import type { PushPull } from "../../src/wire/swim-messages.js";
import { address, noBytes, stockVersions } from "../support/swim-host.js";

const names = Array.from({ length: 12 }, (_, index) => `m${index}`);
const graceTime = 1_000;

function memberOf(name: string): MemberRecord {
  return {
    name,
    address: address("10.0.0.1:1"),
    meta: noBytes,
    versions: stockVersions,
    incarnation: 1,
    state: "alive",
    changedAt: 0,
    suspicion: undefined,
  };
}

const name = fc.constantFrom(...names, "x", "y");
const step = fc.oneof(
  fc.record({
    kind: fc.constant("state" as const),
    name,
    state: fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const),
  }),
  fc.record({ kind: fc.constant("incarnation" as const), name }),
  fc.record({ kind: fc.constant("add" as const), name }),
  fc.record({ kind: fc.constant("round" as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(members: Members, one: Step, now: number): void {
  if (one.kind === "round") {
    const local = members.get("m0") as MemberRecord;
    for (let turn = 0; turn < 14; turn += 1) members.nextToProbe(now, local, graceTime);
    return;
  }
  const known = members.get(one.name);
  if (one.kind === "add") {
    if (known === undefined) members.add(memberOf(one.name));
  } else if (known !== undefined && one.name !== "m0") {
    const own = members.own(known);
    if (one.kind === "state") members.setState(own, one.state, now);
    else own.incarnation += 1;
  }
}

const viewOf = (members: Members) => ({
  known: members.known,
  here: members.here,
  all: Array.from(members.all(), stateOf).sort((a, b) => (a.node < b.node ? -1 : 1)),
});

test("a table with a roster is like one that its members were added to", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const roster = new Roster(names.map(memberOf));
      const shared = new Members(new SeededRandom(1), 1_000, roster);
      shared.own(memberOf("m0"));
      const other = new Members(new SeededRandom(1), 1_000, roster);
      const plain = new Members(new SeededRandom(1), 1_000);
      for (const one of names) plain.add(memberOf(one));
      for (const [index, one] of steps.entries()) {
        for (const members of [shared, plain]) apply(members, one, 5_000 * index);
        expect(viewOf(shared)).toEqual(viewOf(plain));
        const picked = [shared, plain].map((members) =>
          members
            .pick(100, ({ state }) => state === "alive")
            .map((member) => member.name)
            .sort(),
        );
        expect(picked[0]).toEqual(picked[1]);
      }
      expect(Array.from(other.all(), stateOf)).toEqual(names.map(memberOf).map(stateOf));
    }),
  );
});

test("a round probes all of a roster that are here, each once", () => {
  const members = new Members(new SeededRandom(1), 1_000, new Roster(names.map(memberOf)));
  const local = members.own(memberOf("m0"));
  const gone = members.own(memberOf("m3"));
  members.setState(gone, "dead", 0);
  for (let round = 0; round < 3; round += 1) {
    const probed = Array.from({ length: 10 }, () => members.nextToProbe(0, local, graceTime)?.name);
    expect(probed.toSorted()).toEqual(
      names.filter((one) => one !== "m0" && one !== "m3").toSorted(),
    );
  }
});

test("records of a roster cannot be written to", () => {
  const roster = new Roster(names.map(memberOf));
  expect(() => {
    (roster.records[0] as MemberRecord).incarnation = 2;
  }).toThrow(TypeError);
});

test("what a table says of a roster in one piece is what it says of each member", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.array(step, { maxLength: 20 }),
      fc.integer({ min: 1, max: 200 }),
      (ours, theirs, pieceBytes) => {
        const roster = new Roster(names.map(memberOf));
        const [here, there] = [ours, theirs].map((steps) => {
          const members = new Members(new SeededRandom(1), 1_000, roster);
          for (const [index, one] of steps.entries()) apply(members, one, 5_000 * index);
          return members;
        }) as [Members, Members];
        const states = there.states?.encoded() ?? [];
        const said = Array.from(there.all(), stateOf);
        expect(Buffer.concat(states)).toEqual(Buffer.concat(said.map(encodeMemberState)));

        const secrets = { keyring: undefined, label: "", dialled: true };
        const bytes = sealStream(
          {
            kind: "encoded-push-pull",
            join: false,
            members: said.length,
            states,
            userState: noBytes,
          },
          { ...secrets, compression: false, nonce: () => noBytes },
        );
        const reader = new StreamReader(secrets, () => here.states?.known());
        let read: PushPull | undefined;
        for (let from = 0; from < bytes.length; from += pieceBytes) {
          read ??= reader.feed(bytes.slice(from, from + pieceBytes)) as PushPull | undefined;
        }
        // What is not read is what we hold, word for word; all else is.
        const news = new Set(read?.members.map(({ node }) => node));
        for (const state of said) {
          const held = here.get(state.node);
          const isKnown =
            held !== undefined && JSON.stringify(stateOf(held)) === JSON.stringify(state);
          if (!isKnown) expect(news).toContain(state.node);
        }
        for (const member of read?.members ?? []) {
          expect(said.find(({ node }) => node === member.node)).toEqual({
            ...member,
            meta: member.meta ?? noBytes,
          });
        }
      },
    ),
  );
});
