import { expect, test } from "vitest";
import { type Expectation, Watch } from "../../src/demo/expectation.js";
import { Phase, phaseOf } from "../../src/demo/phase.js";
import { summary, verdict } from "../../src/demo/report.js";
import type { Outcome } from "../../src/demo/tally.js";

const nodes: Expectation = new Map([["web1", "127.0.0.11:1001"]]);

const answered = (began: number, by: string): Outcome => ({ kind: "answered", began, took: 7, by });
const lost = (began: number, took = 7): Outcome => ({
  kind: "lost",
  began,
  took,
  why: "GET reset",
});

/** A phase that begins at `began` and settles half a second later. */
function phase(title: string, planned: boolean, began: number): Phase {
  const watch = new Watch(nodes, nodes, began, 5_000);
  watch.observe(began + 500, [...nodes.values()]);
  return new Phase(title, planned, watch);
}

test("a run without faults is summed up in a table and a sentence", () => {
  const start = phase("1 nodes", true, 0);
  const crash = phase("kill -9 web2", false, 1_000);
  start.add(answered(600, "web1"));
  crash.add(answered(1_200, "web1"));
  crash.add(answered(1_200, "web2"));
  crash.add(lost(1_300));
  expect(summary([start, crash])).toEqual([
    "               settled   answered   web1   web2   slowest   lost",
    "1 nodes          0.5 s          1      1      -      7 ms      0",
    "kill -9 web2     0.5 s          2      1      1      7 ms      1",
  ]);
  expect(verdict([start, crash])).toEqual({
    right: true,
    lines: [
      "The balancer was right whenever it had settled; no planned change lost a request.",
      "Requests lost to kill -9: 1, none once the balancer was rewired.",
    ],
  });
});

test("a planned change may lose nothing", () => {
  const stop = phase("stop web1", true, 0);
  stop.add(lost(100));
  expect(verdict([stop])).toEqual({
    right: false,
    lines: ["stop web1: a planned change lost 1 requests: 1 x GET reset"],
  });
});

test("a crash may lose nothing once the balancer is rewired", () => {
  const crash = phase("kill -9 web1", false, 0);
  crash.add(lost(400));
  crash.add(lost(600));
  expect(verdict([crash]).lines).toEqual([
    "kill -9 web1: 1 requests were lost after the balancer had settled",
  ]);
});

test("a balancer that never settled is a fault", () => {
  const never = new Phase("add web4", true, new Watch(nodes, nodes, 0, 5_000));
  expect(verdict([never])).toEqual({
    right: false,
    lines: ["add web4: the balancer never served what it should"],
  });
});

test.for([
  { began: 500, took: 10, title: "start" },
  { began: 1_500, took: 10, title: "kill" },
  { began: 2_500, took: 10, title: "return" },
  // Under way when the node died: the crash is to blame.
  { began: 995, took: 10, title: "kill" },
  // It hung since the crash and broke off later.
  { began: 1_500, took: 5_000, title: "kill" },
])("a request from $began that took $took belongs to $title", ({ began, took, title }) => {
  const phases = [
    phase("start", true, 0),
    phase("kill", false, 1_000),
    phase("return", true, 2_000),
  ];
  expect(phaseOf(lost(began, took), phases)?.title).toBe(title);
});
