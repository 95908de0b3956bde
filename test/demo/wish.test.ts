import { expect, test } from "vitest";
import { readWish } from "../../src/demo/wish.js";

const situation = { running: ["web1", "web3"], gone: ["web2"], chosen: "web3", nextName: "web4" };

test.for([
  { key: "a", wish: { kind: "step", step: { kind: "add", name: "web4" } } },
  { key: "s", wish: { kind: "step", step: { kind: "stop", name: "web3" } } },
  { key: "k", wish: { kind: "step", step: { kind: "kill", name: "web3" } } },
  { key: "r", wish: { kind: "step", step: { kind: "return", name: "web2" } } },
  { key: "1", wish: { kind: "choose", name: "web1" } },
  { key: "3", wish: { kind: "impossible", why: "there is no node number 3" } },
  { key: "h", wish: { kind: "help" } },
  { key: "q", wish: { kind: "quit" } },
  { key: "\x03", wish: { kind: "quit" } },
  { key: "x", wish: undefined },
])("the key $key means $wish", ({ key, wish }) => {
  expect(readWish(key, situation)).toEqual(wish);
});

test("what cannot be done is said", () => {
  const nobodyGone = readWish("r", { ...situation, gone: [] });
  expect(nobodyGone).toMatchObject({
    kind: "impossible",
    why: expect.stringMatching(/^nobody is gone/),
  });
  const lastOne = readWish("k", { ...situation, running: ["web1"], chosen: "web1" });
  expect(lastOne).toMatchObject({
    kind: "impossible",
    why: expect.stringMatching(/^one must remain/),
  });
  const many = Array.from({ length: 9 }, (_, index) => `web${index}`);
  expect(readWish("a", { ...situation, running: many })).toMatchObject({ kind: "impossible" });
});
