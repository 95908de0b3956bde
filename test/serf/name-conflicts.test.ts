import { expect, test } from "vitest";
import { NameConflicts } from "../../src/serf/name-conflicts.js";
import { peerAddress } from "../support/lone-serf.js";
import { swimMember } from "../support/members.js";
import { RecordedLog } from "../support/recorded-log.js";

test("two claims to the name of another member are warned of with both addresses", () => {
  const log = new RecordedLog();
  new NameConflicts(log).handle(swimMember("other", { host: 1 }), peerAddress(2));
  expect(log.at("warn")).toEqual([
    "Name conflict for 'other' both 10.0.1.1:7946 and 10.0.1.2:7946 are claiming",
  ]);
});
