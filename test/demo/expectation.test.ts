import { describe, expect, test } from "vitest";
import { after, differences, settleBound, Watch } from "../../src/demo/expectation.js";

const three = new Map([
  ["web1", "127.0.0.11:1001"],
  ["web2", "127.0.0.12:1002"],
  ["web3", "127.0.0.13:1003"],
]);
const all = [...three.values()];

test.for([
  {
    change: { kind: "add", name: "web4", address: "127.0.0.14:1004" },
    serves: [...all, "127.0.0.14:1004"],
  },
  { change: { kind: "stop", name: "web2" }, serves: ["127.0.0.11:1001", "127.0.0.13:1003"] },
  { change: { kind: "kill", name: "web1" }, serves: ["127.0.0.12:1002", "127.0.0.13:1003"] },
  {
    change: { kind: "return", name: "web2", address: "127.0.0.15:1005" },
    serves: ["127.0.0.11:1001", "127.0.0.15:1005", "127.0.0.13:1003"],
  },
] as const)("after $change.kind $change.name the balancer serves $serves", ({ change, serves }) => {
  expect([...after(three, change).values()]).toEqual(serves);
  expect([...three.values()]).toEqual(all);
});

test.for([
  { served: all, found: [] },
  { served: [...all].reverse(), found: [] },
  {
    served: ["127.0.0.11:1001", "127.0.0.13:1003"],
    found: ["web2 (127.0.0.12:1002) is missing"],
  },
  { served: [...all, "127.0.0.9:1"], found: ["127.0.0.9:1 should not be there"] },
  {
    served: ["127.0.0.11:1001", "127.0.0.12:1002", "127.0.0.13:9"],
    found: ["web3 (127.0.0.13:1003) is missing", "127.0.0.13:9 should not be there"],
  },
])("of $served the differences are $found", ({ served, found }) => {
  expect(differences(three, served)).toEqual(found);
});

test("a crash has more time than a planned change, and more in a larger group", () => {
  const crash = { kind: "kill", name: "web1" } as const;
  expect(settleBound(crash, 5)).toBe(8_000 + 4_000 + 6_000);
  expect(settleBound(crash, 9)).toBeGreaterThan(settleBound(crash, 5));
  expect(settleBound({ kind: "stop", name: "web1" }, 5)).toBe(12_000);
});

describe("a watch over the stop of web2", () => {
  const expected = after(three, { kind: "stop", name: "web2" });
  const right = [...expected.values()];
  const watch = (views: readonly (readonly [number, readonly string[] | undefined])[]) => {
    const watched = new Watch(three, expected, 1_000, 5_000);
    for (const [now, served] of views) watched.observe(now, served);
    return { after: watched.settledAfter, faults: watched.faults };
  };

  test("settles when the view is right, and is content while it stays so", () => {
    const views = [
      [1_200, all],
      [3_000, right],
      [9_000, right],
    ] as const;
    expect(watch(views)).toEqual({ after: 2_000, faults: [] });
  });

  test("finds a view that becomes wrong again, and says so once", () => {
    const views = [
      [1_200, right],
      [1_400, all],
      [1_600, all],
    ] as const;
    const faults = ["after it had settled, 127.0.0.12:1002 should not be there"];
    expect(watch(views)).toEqual({ after: 200, faults });
  });

  test("finds that a backend was lost that has nothing to do with it", () => {
    const faults = ["on the way, web3 (127.0.0.13:1003) was missing"];
    const views = [
      [1_200, ["127.0.0.11:1001"]],
      [1_400, right],
    ] as const;
    expect(watch(views)).toEqual({ after: 400, faults });
  });

  test("finds that the balancer took too long", () => {
    const faults = ["not settled in 5000 ms: 127.0.0.12:1002 should not be there"];
    const views = [
      [5_900, all],
      [6_100, all],
    ] as const;
    expect(watch(views)).toEqual({ after: undefined, faults });
  });

  test("forgives silence during a reload, but not for long", () => {
    expect(watch([[2_900, undefined]]).faults).toEqual([]);
    expect(watch([[3_100, undefined]]).faults).toEqual(["the balancer does not answer"]);
  });
});
