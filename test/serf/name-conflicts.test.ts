import { expect, test } from "vitest";
import { minutes } from "../../src/base/units.js";
import { NameConflicts } from "../../src/serf/name-conflicts.js";
import { peerAddress } from "../support/lone-serf.js";
import { swimMember } from "../support/members.js";
import { RecordedLog } from "../support/recorded-log.js";

function fixture() {
  const log = new RecordedLog();
  return { log, conflicts: new NameConflicts("self", log) };
}

test.for([
  { name: "other", level: "warn" },
  { name: "self", level: "error" },
] as const)("two claims to the name $name are logged at $level", ({ name, level }) => {
  const { conflicts, log } = fixture();
  conflicts.handle(0, swimMember(name, { host: 1 }), peerAddress(2));
  expect(log.at(level)).toEqual([
    `Name conflict for '${name}' both 10.0.1.1:7946 and 10.0.1.2:7946 are claiming`,
  ]);
});

test.for([
  { later: minutes(1) - 1, lines: 1 },
  { later: minutes(1), lines: 2 },
])("the same pair $later ms later makes $lines lines", ({ later, lines }) => {
  const { conflicts, log } = fixture();
  conflicts.handle(0, swimMember("x"), peerAddress(2));
  conflicts.handle(later, swimMember("x"), peerAddress(2));
  expect(log.lines).toHaveLength(lines);
});

test("another claimant is another conflict", () => {
  const { conflicts, log } = fixture();
  conflicts.handle(0, swimMember("x"), peerAddress(2));
  conflicts.handle(0, swimMember("x"), peerAddress(3));
  expect(log.lines).toHaveLength(2);
});

test("256 pairs are remembered", () => {
  const { conflicts, log } = fixture();
  for (let pair = 0; pair < 257; pair += 1)
    conflicts.handle(0, swimMember(`n${pair}`), peerAddress(2));
  conflicts.handle(0, swimMember("n1"), peerAddress(2));
  expect(log.lines).toHaveLength(257);
  conflicts.handle(0, swimMember("n0"), peerAddress(2));
  expect(log.lines).toHaveLength(258);
});
