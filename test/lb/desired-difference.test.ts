import { expect, test } from "vitest";
import { servesDead } from "../../src/lb/desired-difference.js";
import type { Admission, Desired, Observation, ServedServer } from "../../src/lb/model.js";

const desired = (admission: Admission): Desired =>
  ({
    pools: [{ name: "web", servers: [{ node: "a", ip: "10.0.0.1", port: 80, admission }] }],
  }) as unknown as Desired;

const observed = (traits: Partial<ServedServer>): Observation =>
  ({
    servers: [{ pool: "web", name: "s01", ip: "10.0.0.1", port: 80, state: "ready", ...traits }],
  }) as unknown as Observation;

test.for<[string, Admission, Partial<ServedServer>, boolean]>([
  ["is out and gets requests", "out", {}, true],
  ["is out already", "out", { state: "maint" }, false],
  ["drains, which can wait", "drain", {}, false],
  ["is ready", "ready", {}, false],
  ["is out, and another is served", "out", { port: 81 }, false],
  ["is out, and served in another pool", "out", { pool: "api" }, false],
])("a server that %s", ([, admission, traits, is]) => {
  expect(servesDead(desired(admission), observed(traits))).toBe(is);
});
