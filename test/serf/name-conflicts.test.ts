import { expect, test } from "vitest";
import { NameConflicts } from "../../src/serf/name-conflicts.js";
import { peerAddress } from "../support/lone-serf.js";
import { swimMember } from "../support/members.js";
import { RecordedLog } from "../support/recorded-log.js";

test.for([
  { name: "other", level: "warn" },
  { name: "self", level: "error" },
] as const)("two claims to the name $name are logged at $level", ({ name, level }) => {
  const log = new RecordedLog();
  new NameConflicts("self", log).handle(swimMember(name, { host: 1 }), peerAddress(2));
  expect(log.at(level)).toEqual([
    `Name conflict for '${name}' both 10.0.1.1:7946 and 10.0.1.2:7946 are claiming`,
  ]);
});
