import { describe, expect, test } from "vitest";
import type { Instant } from "../../src/base/units.js";
import {
  type Acknowledgement,
  type BalancerGroup,
  untilAcknowledged,
  type Wanted,
} from "../../src/lb/acknowledgement.js";

type State = "out" | "draining" | "serving" | "unknown";

/** One line of an answer, as a script would write it. */
const line = (balancer: string, state: State, inUse = 0, node = "web1"): string =>
  JSON.stringify({ balancer, node, state, inUse });

interface Script {
  /** The value of the tag `balancer` of each member, at an instant. */
  readonly members: (now: Instant) => Readonly<Record<string, string>>;
  /** What a member answers; undefined: nothing. */
  readonly says: (member: string, now: Instant) => string | undefined;
  readonly wanted?: Wanted;
}

/** Runs to the end in virtual time, in which an answer takes 50 ms. */
async function ask({ members, says, wanted = "out" }: Script) {
  let now: Instant = 1_000;
  const asked: Instant[] = [];
  const news: string[] = [];
  const present = () => Object.entries(members(now - 1_000));
  const group: BalancerGroup = {
    now: () => now,
    pause: async (delay) => {
      now += delay;
    },
    balancers: () => present().map(([name, tag]) => ({ name, tags: new Map([["balancer", tag]]) })),
    ask: async (_node, awaited, time, take) => {
      asked.push(now - 1_000);
      const answers = present().map(([name]) => ({ name, text: says(name, now - 1_000) }));
      const missing = answers.filter(
        ({ name, text }) => text === undefined && awaited.includes(name),
      );
      now += missing.length === 0 ? 50 : time;
      for (const { name, text } of answers) {
        if (text !== undefined) take(name, Buffer.from(`${text}\n`));
      }
    },
  };
  const answers = await untilAcknowledged("web1", wanted, 10_000, group, (state) =>
    news.push(state.map(words).join(" ")),
  );
  return { took: now - 1_000, asked, news, answers: answers.map(words) };
}

const words = ({ balancer, done, inUse, member, state }: Acknowledgement): string =>
  `${balancer}@${member}:${state}${inUse > 0 ? `(${inUse})` : ""}${done ? "!" : ""}`;

const one = () => ({ lb1: "edge" });

describe("a node that wants to stop", () => {
  test("waits for nobody if there is no balancer", async () => {
    const result = await ask({ members: () => ({}), says: () => undefined });
    expect(result).toEqual({ took: 0, asked: [], news: [], answers: [] });
  });

  test("waits until its requests have ended, and asks less and less often", async () => {
    const result = await ask({
      members: one,
      says: (_, now) => line("edge", now < 3_000 ? "draining" : "out", now < 3_000 ? 7 : 0),
    });
    expect(result.answers).toEqual(["edge@lb1:out!"]);
    expect(result.asked).toEqual([0, 200, 500, 950, 1_625, 2_625, 3_625]);
    expect(result.news).toEqual(["edge@lb1:draining(7)", "edge@lb1:out!"]);
  });

  test("gives up at the limit, and knows who did not answer", async () => {
    const result = await ask({
      members: () => ({ lb1: "edge", lb2: "edge" }),
      says: (member) => (member === "lb1" ? line("edge", "serving", 2) : undefined),
    });
    expect(result.took).toBe(10_000);
    expect(result.answers).toEqual(["edge@lb1:serving(2)", "edge@lb2:undefined"]);
  });

  test("waits for each balancer that the tag names, and for no other of the member", async () => {
    const result = await ask({
      members: () => ({ lb1: "edge,inner" }),
      says: (_, now) => {
        const answers = [line("edge", "out"), line("tried out", "serving")];
        return now < 1_000 ? answers.join("\n") : [...answers, line("inner", "out")].join("\n");
      },
    });
    expect(result.answers).toEqual(["edge@lb1:out!", "inner@lb1:out!"]);
    expect(result.took).toBeGreaterThan(1_000);
  });

  test("believes a script that calls its balancer otherwise than the tag does", async () => {
    const answer = (state: State) => `${line("haproxy", state)}\n${line("nginx", "out")}`;
    const { answers } = await ask({
      members: () => ({ lb1: "yes" }),
      says: (_, now) => answer(now < 1_000 ? "serving" : "out"),
    });
    expect(answers).toEqual(["haproxy@lb1:out!", "nginx@lb1:out!"]);
  });

  test("waits no longer for a balancer that goes, and for one that comes", async () => {
    const result = await ask({
      members: (now) => (now < 1_000 ? { lb1: "edge" } : { lb2: "edge" }),
      says: (member, now) => line("edge", member === "lb2" && now > 2_000 ? "out" : "serving"),
    });
    expect(result.answers).toEqual(["edge@lb2:out!"]);
  });

  test("takes a proxy that cannot be asked for one that is gone, but only after two seconds", async () => {
    const { answers, took } = await ask({ members: one, says: () => line("edge", "unknown") });
    expect(answers).toEqual(["edge@lb1:unknown!"]);
    expect(took).toBeGreaterThanOrEqual(2_000);
    const recovering = await ask({
      members: one,
      says: (_, now) => line("edge", now < 1_500 ? "unknown" : now < 4_000 ? "serving" : "out"),
    });
    expect(recovering.answers).toEqual(["edge@lb1:out!"]);
  });

  test.for([
    ["nothing", ""],
    ["no JSON", "out"],
    ["another node", line("edge", "out", 0, "web2")],
    ["a state that there is not", '{"balancer":"edge","node":"web1","state":"gone"}'],
    ["no object", "[]\nnull\n1"],
  ])("is not acknowledged by an answer that is %s", async ([, text]) => {
    const result = await ask({ members: one, says: () => text });
    expect(result.answers).toEqual(["edge@lb1:undefined"]);
  });

  test("is not acknowledged by who runs no balancer", async () => {
    const result = await ask({
      members: () => ({ lb1: "edge", db: "", "db,2": "," }),
      says: (member) => (member === "lb1" ? line("edge", "serving") : line("edge", "out")),
    });
    expect(result.answers).toEqual(["edge@lb1:serving"]);
  });
});

describe("a node that is ready", () => {
  test("waits until it is served", async () => {
    const { answers } = await ask({
      members: one,
      says: (_, now) => line("edge", now < 1_000 ? "out" : "serving"),
      wanted: "serving",
    });
    expect(answers).toEqual(["edge@lb1:serving!"]);
  });

  test("waits two seconds for a balancer in whose pools it may not be, once another serves it", async () => {
    const { answers, took } = await ask({
      members: () => ({ lb1: "edge", lb2: "other" }),
      says: (member) => (member === "lb1" ? line("edge", "serving") : line("other", "out")),
      wanted: "serving",
    });
    expect(answers).toEqual(["edge@lb1:serving!", "other@lb2:out!"]);
    expect(took).toBeGreaterThanOrEqual(2_000);
    expect(took).toBeLessThan(4_000);
  });

  test("does not take it for served if nobody serves it", async () => {
    const { answers } = await ask({
      members: one,
      says: () => line("edge", "out"),
      wanted: "serving",
    });
    expect(answers).toEqual(["edge@lb1:out"]);
  });
});
