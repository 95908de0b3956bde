import { expect, test } from "vitest";
import { after, type Change, type Expectation } from "../../src/demo/expectation.js";
import { firstNodes, scriptedSteps } from "../../src/demo/script.js";

test("the script has one step of each kind, and each is possible when its turn comes", () => {
  let expected: Expectation = new Map(firstNodes.map((name, host) => [name, `127.0.0.${host}:1`]));
  const left = new Set<string>();
  for (const [turn, step] of scriptedSteps.entries()) {
    const { kind, name } = step;
    const running = expected.has(name);
    if (kind === "stop" || kind === "kill") expect(running, `${kind} ${name}`).toBe(true);
    else expect(running, `${kind} ${name}`).toBe(false);
    // Only a name that left may go to another address at once.
    if (kind === "return") expect(left).toContain(name);
    if (kind === "stop") left.add(name);
    const change: Change =
      kind === "add" || kind === "return"
        ? { kind, name, address: `127.0.0.9:${turn}` }
        : { kind, name };
    expected = after(expected, change);
  }
  expect(scriptedSteps.map((step) => step.kind).sort()).toEqual(["add", "kill", "return", "stop"]);
  expect([...expected.keys()].sort()).toEqual(["web1", "web2", "web4"]);
});
