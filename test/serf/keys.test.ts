import "../support/seed.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { type Bytes, seconds } from "../../src/base/units.js";
import type { KeyReport } from "../../src/serf/keys.js";
import { encodeSerfMessage, type KeyResponse } from "../../src/wire/serf-messages.js";
import { EncryptedGroup } from "../support/encrypted-group.js";
import { LoneSerf } from "../support/lone-serf.js";
import type { ClusterNode } from "../support/serf-cluster.js";

const keyOf = (fill: number): Bytes => new Uint8Array(16).fill(fill);
const base64 = (key: Bytes): string => Buffer.from(key).toString("base64");
const text = (value: string): Bytes => Uint8Array.from(Buffer.from(value));
const [oldKey, newKey] = [keyOf(1), keyOf(2)];
const allWell = { error: undefined, numNodes: 3, numResponses: 3, numErrors: 0 };

function trio(): EncryptedGroup {
  const group = new EncryptedGroup();
  for (const name of ["a", "b", "c"]) group.add(name, [oldKey]);
  return group;
}

const eventsOf = (node: ClusterNode): string[] =>
  node.events.flatMap((event) => (event.kind === "user" ? [event.name] : []));

describe("a rotation", () => {
  test("gives every node the new key and takes the old one, and the group goes on working", () => {
    const group = trio();
    const { cluster, holders } = group;
    const say = (name: string): void => {
      const { node } = holders[1] ?? { node: undefined };
      if (node === undefined) throw new Error("there are three nodes");
      node.serf.userEvent(cluster.now, name, text(""), false);
      cluster.settle(node);
      cluster.run(seconds(3));
    };
    expect(group.keys("install", newKey)).toMatchObject(allWell);
    expect(group.rings).toEqual([1, 2, 3].map(() => [oldKey, newKey]));
    say("installed");
    expect(group.keys("use", newKey)).toMatchObject(allWell);
    expect(group.rings).toEqual([1, 2, 3].map(() => [newKey, oldKey]));
    say("used");
    expect(group.keys("remove", oldKey)).toMatchObject({ ...allWell, messages: new Map() });
    expect(group.rings).toEqual([1, 2, 3].map(() => [newKey]));
    say("removed");
    cluster.run(seconds(60));
    for (const { node } of holders) {
      expect(node.view).toEqual({ a: "alive", b: "alive", c: "alive" });
      expect(eventsOf(node)).toEqual(["installed", "used", "removed"]);
      expect(node.told.filter((line) => !line.startsWith("member-join"))).toEqual([]);
    }
    expect(group.keys("list")).toMatchObject({ ...allWell, keys: new Map([[base64(newKey), 3]]) });
  });

  test("lets nobody in who knows the old key alone, and whoever knows the new one", () => {
    const group = trio();
    for (const [operation, key] of [
      ["install", newKey],
      ["use", newKey],
      ["remove", oldKey],
    ] as const) {
      group.keys(operation, key);
    }
    const late = group.add("late", [oldKey]);
    const friend = group.add("friend", [newKey]);
    expect(Object.keys(late.node.view)).toEqual(["late"]);
    expect(Object.keys(friend.node.view)).toEqual(["a", "b", "c", "friend"]);
  });

  test("can be repeated step by step without harm", () => {
    const group = trio();
    for (let round = 0; round < 2; round += 1) {
      expect(group.keys("install", newKey)).toMatchObject(allWell);
    }
    expect(group.keys("remove", keyOf(9))).toMatchObject(allWell);
    expect(group.rings).toEqual([1, 2, 3].map(() => [oldKey, newKey]));
  });
});

describe("a report", () => {
  test("comes as soon as all have answered", () => {
    const group = trio();
    const result = group.begin("list");
    expect(result.report).toBeUndefined();
    group.cluster.run(seconds(1));
    expect(result.report).toMatchObject(allWell);
  });

  test("comes at the deadline if one is silent, and says how many are not", () => {
    const group = trio();
    const [, silent] = group.holders;
    if (silent !== undefined) group.cluster.silence(silent.node);
    const result = group.begin("install", newKey);
    group.cluster.run(3_199);
    expect(result.report).toBeUndefined();
    group.cluster.run(1);
    expect(result.report).toMatchObject({
      error: "2/3 nodes reported success",
      numNodes: 3,
      numResponses: 2,
      numErrors: 0,
    });
  });

  test.for([
    { operation: "use", key: keyOf(9), message: "Requested key is not in the keyring" },
    { operation: "remove", key: oldKey, message: "Removing the primary key is not allowed" },
    { operation: "install", key: text("short"), message: "key size must be 16, 24 or 32 bytes" },
  ] as const)(
    "has each node's words where $operation is refused",
    ({ operation, key, message }) => {
      const group = trio();
      expect(group.keys(operation, key)).toEqual({
        error: "3/3 nodes reported failure",
        numNodes: 3,
        numResponses: 3,
        numErrors: 3,
        keys: new Map(),
        messages: new Map([
          ["a", message],
          ["b", message],
          ["c", message],
        ]),
      });
      expect(group.rings).toEqual([1, 2, 3].map(() => [oldKey]));
    },
  );

  test("of a list counts who has which key", () => {
    const group = new EncryptedGroup();
    group.add("a", [oldKey, newKey]);
    group.add("b", [oldKey]);
    group.add("c", [newKey, oldKey]);
    expect(group.keys("list").keys).toEqual(
      new Map([
        [base64(oldKey), 3],
        [base64(newKey), 2],
      ]),
    );
  });

  test("misses whoever has no such key to use, for it cannot read the others any more", () => {
    const group = new EncryptedGroup();
    group.add("a", [oldKey, newKey]);
    group.add("b", [oldKey]);
    group.add("c", [oldKey, newKey]);
    expect(group.keys("use", newKey)).toMatchObject({
      error: "2/3 nodes reported success",
      messages: new Map(),
    });
  });

  test("is refused for a key that no query can carry", () => {
    const group = trio();
    const { report } = group.begin("install", new Uint8Array(1_024));
    expect(report).toMatchObject({ error: "query exceeds limit of 1024 bytes", numNodes: 0 });
    expect(group.keys("list")).toMatchObject(allWell);
  });
});

describe("without encryption", () => {
  test.for([
    { operation: "install", message: "No keyring to modify (encryption not enabled)" },
    { operation: "use", message: "No keyring to modify (encryption not enabled)" },
    { operation: "remove", message: "No keyring to modify (encryption not enabled)" },
    { operation: "list", message: "Keyring is empty (encryption not enabled)" },
  ] as const)("$operation is refused by every node", ({ operation, message }) => {
    const group = new EncryptedGroup();
    for (const name of ["a", "b"]) group.add(name, []);
    expect(group.keys(operation, newKey)).toMatchObject({
      error: "2/2 nodes reported failure",
      messages: new Map([
        ["a", message],
        ["b", message],
      ]),
    });
    for (const { node } of group.holders) expect(node.log.at("error")).toEqual([message]);
  });
});

describe("one operation after the other", () => {
  test("as Serf does it, each sees what the one before left", () => {
    const group = trio();
    const steps = [
      group.begin("install", newKey),
      group.begin("use", newKey),
      group.begin("remove", oldKey),
      group.begin("list"),
    ];
    group.cluster.run(seconds(5));
    expect(steps.map(({ report }) => report?.error)).toEqual([1, 2, 3, 4].map(() => undefined));
    expect(steps[3]?.report?.keys).toEqual(new Map([[base64(newKey), 3]]));
  });

  test("64 may wait", () => {
    const lone = new LoneSerf();
    const { serf, cluster } = lone;
    const reports: KeyReport[] = [];
    const ask = (): void => serf.keys(cluster.now, "list", undefined, (one) => reports.push(one));
    for (let count = 0; count < 65; count += 1) ask();
    expect(ask).toThrow(new OperatorError("more than 64 key operations are waiting"));
    cluster.settle(lone.node);
    cluster.run(seconds(1));
    expect(reports).toHaveLength(65);
    expect(ask).not.toThrow();
  });
});

/** What the one node that answers said with `payload`, as the report has it. */
function reportOf(payload: Bytes): KeyReport {
  const lone = new LoneSerf();
  lone.meet("peer", 2);
  lone.takeSent();
  let report: KeyReport | undefined;
  lone.serf.keys(lone.cluster.now, "list", undefined, (given) => {
    report = given;
  });
  lone.cluster.settle(lone.node);
  const own = lone.takeSerfSent().find(({ message }) => message.kind === "query-response");
  if (own?.message.kind !== "query-response") throw new Error("we answer ourselves");
  lone.hear({ ...own.message, from: "peer", payload });
  lone.run(seconds(4));
  if (report === undefined) throw new Error("no report came in time");
  return report;
}

describe("an answer", () => {
  const response: KeyResponse = {
    kind: "key-response",
    result: true,
    message: "",
    keys: undefined,
    primaryKey: "",
  };

  test.for([
    { what: "empty", payload: "", message: "Failed to decode key query response" },
    { what: "cut off", payload: "0884a44b6579", message: "Failed to decode key query response" },
    { what: "of another type", payload: "06c0", message: "Invalid key query response type" },
  ])("that is $what is a failure", ({ payload, message }) => {
    const report = reportOf(Uint8Array.from(Buffer.from(payload, "hex")));
    expect(report.messages.get("peer")).toBe(message);
    expect(report).toMatchObject({ numResponses: 2, numErrors: 2, numNodes: 2 });
  });

  test("that is yes with a remark is no failure, and the remark is told", () => {
    const report = reportOf(
      encodeSerfMessage({ ...response, message: "showing first 2", keys: ["x"] }),
    );
    expect(report.messages.get("peer")).toBe("showing first 2");
    expect(report.keys).toEqual(new Map([["x", 1]]));
    // The one error is ours: we are not encrypted.
    expect(report.numErrors).toBe(1);
  });

  test("that names a key twice counts once", () => {
    const report = reportOf(encodeSerfMessage({ ...response, keys: ["x", "x", "y"] }));
    expect(report.keys).toEqual(
      new Map([
        ["x", 1],
        ["y", 1],
      ]),
    );
  });

  test("names 1024 different keys at most", () => {
    const keys = Array.from({ length: 2_000 }, (_, index) => `${index}`);
    expect(reportOf(encodeSerfMessage({ ...response, keys })).keys.size).toBe(1_024);
  });

  test("of any bytes gives a report", () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(8, ...rest)),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        expect(reportOf(bytes).numNodes).toBe(2);
      }),
      { numRuns: 40 },
    );
  });
});

test("no key is ever in a log", () => {
  const group = trio();
  for (const [operation, key] of [
    ["install", newKey],
    ["use", newKey],
    ["use", keyOf(9)],
    ["remove", oldKey],
    ["list", undefined],
  ] as const) {
    group.keys(operation, key);
  }
  const lines = group.holders.flatMap(({ node }) => [...node.log.lines, ...node.swimLog.lines]);
  const written = JSON.stringify(lines);
  expect(written).toContain("Received install-key query");
  for (const key of [oldKey, newKey, keyOf(9)]) {
    expect(written).not.toContain(base64(key));
    expect(written).not.toContain(Buffer.from(key).toString("hex"));
    expect(written).not.toContain([...key].join(","));
  }
});
