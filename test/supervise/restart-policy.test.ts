import { expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { parseRestartPolicy, Restarts } from "../../src/supervise/restart-policy.js";

/** The rests after these lives, each `[how long, exit status]`. */
function rests(policy: string, ...lives: readonly [number, number][]): (number | undefined)[] {
  const restarts = new Restarts(parseRestartPolicy(policy));
  return lives.map(([life, status]) => restarts.restAfter(life, status));
}

test.for(["", "never", "on-failure:", "on-failure:0", "on-failure:-1", "always:3", "On-Failure"])(
  "%j is no policy",
  (text) => {
    expect(() => parseRestartPolicy(text)).toThrow(OperatorError);
    expect(() => parseRestartPolicy(text)).toThrow(/^-restart \(restart\): .* on-failure:N/);
  },
);

test("rests double up to half a minute", () => {
  const lives = Array.from({ length: 11 }, (): [number, number] => [5, 1]);
  expect(rests("always", ...lives)).toEqual([
    100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000,
  ]);
});

test("ten seconds of life begin anew", () => {
  expect(rests("always", [5, 1], [9_999, 1], [10_000, 1], [5, 1])).toEqual([100, 200, 100, 200]);
});

test.for<{ policy: string; status: number; rest: number | undefined }>([
  { policy: "no", status: 1, rest: undefined },
  { policy: "on-failure", status: 0, rest: undefined },
  { policy: "on-failure", status: 1, rest: 100 },
  { policy: "on-failure", status: 137, rest: 100 },
  { policy: "always", status: 0, rest: 100 },
])("$policy after the status $status: $rest", ({ policy, rest, status }) => {
  expect(rests(policy, [60_000, status])).toEqual([rest]);
});

test("on-failure:2 gives up after two restarts in a row that helped nothing", () => {
  expect(rests("on-failure:2", [5, 1], [5, 1], [5, 1])).toEqual([100, 200, undefined]);
  expect(rests("on-failure:2", [5, 1], [5, 1], [20_000, 1], [5, 1])).toEqual([100, 200, 100, 200]);
});
