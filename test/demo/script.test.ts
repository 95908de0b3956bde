import { expect, test } from "vitest";
import { after, type Change, type Expectation } from "../../src/demo/expectation.js";
import { firstNodes, scriptedSteps } from "../../src/demo/script.js";

const variants = [
  {
    killedReturn: true,
    kinds: ["add", "kill", "return", "return", "stop"],
    last: ["web1", "web2", "web3", "web4"],
  },
  { killedReturn: false, kinds: ["add", "kill", "return", "stop"], last: ["web1", "web2", "web4"] },
];

test.for(variants)(
  "each step is possible when its turn comes (killed ones return: $killedReturn)",
  ({ killedReturn, kinds, last }) => {
    const steps = scriptedSteps(killedReturn);
    let expected: Expectation = new Map(
      firstNodes.map((name, host) => [name, `127.0.0.${host}:1`]),
    );
    const gone = new Set<string>();
    for (const [turn, step] of steps.entries()) {
      const { kind, name } = step;
      const running = expected.has(name);
      if (kind === "stop" || kind === "kill") expect(running, `${kind} ${name}`).toBe(true);
      else expect(running, `${kind} ${name}`).toBe(false);
      if (kind === "return") expect(gone).toContain(name);
      if (kind === "stop" || (kind === "kill" && killedReturn)) gone.add(name);
      const change: Change =
        kind === "add" || kind === "return"
          ? { kind, name, address: `127.0.0.9:${turn}` }
          : { kind, name };
      expected = after(expected, change);
    }
    expect(steps.map((step) => step.kind).sort()).toEqual(kinds);
    expect([...expected.keys()].sort()).toEqual(last);
  },
);
