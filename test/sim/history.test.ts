import { expect, test } from "vitest";
import { History } from "../../src/sim/history.js";
import { drawPlan } from "../../src/sim/plan.js";
import { simulate } from "../../src/sim/trial.js";
import { World } from "../../src/sim/world.js";
import { seeds } from "../support/seeds.js";

test("each byte, number and line counts, and so does their order", () => {
  const digestOf = (fill: (history: History) => void): string => {
    const history = new History();
    fill(history);
    return history.digest;
  };
  const digests = [
    digestOf(() => {}),
    digestOf((history) => history.bytes(Uint8Array.of(1, 2))),
    digestOf((history) => history.bytes(Uint8Array.of(2, 1))),
    digestOf((history) => history.number(1)),
    digestOf((history) => history.number(1 + Number.EPSILON)),
    digestOf((history) => history.line(1, "a")),
    digestOf((history) => history.line(2, "a")),
    digestOf((history) => history.line(1, "b")),
  ];
  expect(new Set(digests).size).toBe(digests.length);
  expect(digests[1]).toMatch(/^[0-9a-f]{16}$/);
});

test("the last lines are kept, and no more", () => {
  const history = new History(3);
  for (let line = 0; line < 100; line += 1) history.line(line * 1_000, `line ${line}`);
  expect(history.lines).toEqual(["97.000 line 97", "98.000 line 98", "99.000 line 99"]);
});

test.for(seeds(5))("the same seed gives the same history (SEED=%i)", (seed) => {
  expect(simulate(drawPlan(seed)).digest).toBe(simulate(drawPlan(seed)).digest);
  expect(simulate(drawPlan(seed)).digest).not.toBe(simulate(drawPlan(seed + 1)).digest);
});

// All versions of Node.js have to give these: what they depend on is arithmetic, and nothing else.
test("the plans of 1,000 seeds are the same everywhere", () => {
  const history = new History();
  for (let seed = 0; seed < 1_000; seed += 1) history.line(0, JSON.stringify(drawPlan(seed)));
  expect(history.digest).toBe("b7e60485701217d2");
});

// A change of what members say to each other in a calm changes this; then what is here is to be replaced.
test("five members that join and live in peace for a minute do the same everywhere", () => {
  const world = new World({ seed: 7 });
  for (let index = 0; index < 5; index += 1) {
    const process = world.start(world.add(`n${index + 1}`));
    const targets = [{ address: world.node(0).address, name: "" }];
    if (index > 0) world.feed(process, (now) => process.serf.join(now, targets, true, () => {}));
  }
  world.run(60_000);
  expect(world.history.digest).toBe("0d9060c29724dfbe");
});
