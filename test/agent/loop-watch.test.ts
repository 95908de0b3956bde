import { expect, test } from "vitest";
import { LoopWatch } from "../../src/agent/loop-watch.js";

interface Span {
  /** How late the next timer comes. */
  readonly late: number;
  /** Processor time that is used until then. */
  readonly work?: number;
  /** How much further the wall clock goes than time does. */
  readonly jump?: number;
}

/** A loop whose timers come as late as it is told. */
function watched() {
  let at = 0;
  let wall = 1e12;
  let processor = 0;
  let due: { readonly delay: number; readonly run: () => void } | undefined;
  const stalls: { how: string; took: number }[] = [];
  const watch = new LoopWatch({
    now: () => at,
    wallClock: () => wall,
    processorTime: () => processor,
    schedule: (delay, run) => {
      due = { delay, run };
      return () => {
        due = undefined;
      };
    },
    onStall: (stall) => stalls.push(stall),
  });
  const pass = ({ late, work = 0, jump = 0 }: Span): void => {
    if (due === undefined) throw new Error("nobody waits");
    const elapsed = due.delay + late;
    at += elapsed;
    wall += elapsed + jump;
    processor += work;
    due.run();
  };
  return { watch, stalls, pass, isWaiting: () => due !== undefined };
}

test.for<{ what: string; span: Span; told: object[] }>([
  { what: "a timer that comes a little late", span: { late: 250, work: 450 }, told: [] },
  {
    what: "a long piece of work",
    span: { late: 400, work: 390 },
    told: [{ how: "busy", took: 400 }],
  },
  {
    what: "a stopped process",
    span: { late: 9_000, work: 20 },
    told: [{ how: "paused", took: 9_000 }],
  },
  {
    what: "a machine that slept",
    span: { late: 1, jump: 60_000 },
    told: [{ how: "clock", took: 60_000 }],
  },
  {
    what: "a clock that is set back",
    span: { late: 1, jump: -5_000 },
    told: [{ how: "clock", took: 5_000 }],
  },
  { what: "a clock that is adjusted", span: { late: 1, jump: 400 }, told: [] },
])("$what is told as $told", ({ span, told }) => {
  const { pass, stalls } = watched();
  pass({ late: 0 });
  pass(span);
  pass({ late: 1 });
  expect(stalls).toEqual(told);
});

test("stalls that follow each other are told once, and longer ones again", () => {
  const { pass, stalls } = watched();
  for (const late of [500, 400, 500, 600, 300]) pass({ late });
  expect(stalls.map(({ took }) => took)).toEqual([500, 600]);
  for (let time = 0; time < 10_000; time += 200) pass({ late: 0 });
  pass({ late: 300 });
  expect(stalls.map(({ took }) => took)).toEqual([500, 600, 300]);
});

test("delays are those of the last minute", () => {
  const { pass, watch } = watched();
  expect(watch.delays()).toEqual({ p50: 0, p99: 0, max: 0 });
  pass({ late: 250 });
  for (let count = 1; count < 300; count += 1) pass({ late: count < 4 ? 90 : 1.04 });
  expect(watch.delays()).toEqual({ p50: 1, p99: 90, max: 250 });
  for (let count = 0; count < 300; count += 1) pass({ late: 2 });
  expect(watch.delays()).toEqual({ p50: 2, p99: 2, max: 2 });
});

test("it looks no more once it was stopped", () => {
  const { isWaiting, pass, watch } = watched();
  pass({ late: 0 });
  watch.stop();
  expect(isWaiting()).toBe(false);
});
