import { describe, expect, test } from "vitest";
import { WhyAnswers } from "../../src/agent/why-answers.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import type { Deed } from "../../src/observe/deed.js";
import type { RpcQuestion } from "../../src/rpc/api.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { run } from "./run-command.js";

/** An agent whose members have chronicles, or keep none, or are silent. */
class Group {
  readonly bench: Bench;
  readonly asked: RpcQuestion[] = [];
  readonly #tellers = new Map<string, Chronicle>();
  readonly #recordless = new Set<string>();

  private constructor(bench: Bench) {
    this.bench = bench;
    bench.api.query = (question, sink) => {
      this.asked.push(question);
      for (const name of this.#recordless) sink({ kind: "ack", from: name });
      for (const [name, chronicle] of this.#tellers) {
        if (question.filterNodes.length > 0 && !question.filterNodes.includes(name)) continue;
        sink({ kind: "ack", from: name });
        const parts = { chronicle, wallClock: Date.now, self: name, responseLimit: 1_024 };
        const payload = new WhyAnswers(parts).answer(question.payload, "asker");
        if (payload !== undefined) sink({ kind: "response", from: name, payload });
      }
      setTimeout(() => sink({ kind: "done" }), 50);
      return () => {};
    };
  }

  static async of(...names: readonly string[]): Promise<Group> {
    const group = new Group(await Bench.start());
    group.bench.api.known = names.map((name) => member(name));
    return group;
  }

  /** `ago` ms before now, the first one; the others 100 ms later each. */
  tell(name: string, ago: number, ...deeds: readonly Deed[]): void {
    let at = Date.now() - ago;
    const chronicle = this.#tellers.get(name) ?? new Chronicle(() => at);
    this.#tellers.set(name, chronicle);
    for (const deed of deeds) {
      chronicle.note(deed);
      at += 100;
    }
  }

  acksOnly(name: string): void {
    this.#recordless.add(name);
  }

  fails(name: string, status = "failed"): void {
    const { api } = this.bench;
    api.known = api.known.map((one) => (one.name === name ? { ...one, status } : one));
  }
}

const refused = (node: string): Deed => ({
  kind: "probe",
  node,
  outcome: "lost",
  took: 500,
  helpers: ["b"],
  nacks: 1,
  tcp: "refused",
  unheard: false,
});

const gone = (node: string, by: string): Deed => ({
  kind: "gone",
  node,
  state: "failed",
  by,
  why: "refused",
  incarnation: 3,
  confirmations: 1,
});

/** Without times of day. */
const timeless = (text: string): string => text.replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, "TIME");

describe("why", () => {
  test("says what happened, why, who saw it, and who said nothing", async () => {
    const group = await Group.of("a", "b", "serf1", "mute", "web");
    group.tell("a", 9_000, refused("web"), gone("web", "a"));
    group.tell("b", 8_800, { ...gone("web", "a"), why: "told" } as Deed);
    group.acksOnly("serf1");
    group.fails("web");
    const { code, stdout } = await run(group.bench, "why", "web", "--since", "1h");
    expect(timeless(stdout)).toBe(`web is failed, at 127.0.0.1:7946.

Why: The agent of web is not running; its host is there. (certain)
  since TIME, and still
  - its host refused the connections of a
  To do: On the host of web: see why the process ended (killed, out of memory, crashed), and start it.

Time line:
  TIME  a    ping of web not answered; asked b: no answer either; TCP: connection refused
  TIME  a,b  web failed: its host refuses connections (1 other agreed)

Asked for the last 1h0m0s. Answered: a and b.
Keep no records (Serf, or an older gossipd): serf1.
Did not answer: mute.
`);
    expect(code).toBe(0);
  });

  test("-format=json has the same for programs, with names as they are", async () => {
    const name = "w\u202eeb\n1";
    const group = await Group.of("a", name);
    group.tell("a", 9_000, refused(name), gone(name, "a"));
    group.fails(name);
    const { code, stdout } = await run(group.bench, "why", "-format=json", name);
    expect(JSON.parse(stdout)).toMatchObject({
      node: name,
      status: "failed",
      causes: [{ cause: "process-gone", confidence: "certain", members: [], end: null }],
      timeline: [{ who: ["a"], deed: { kind: "probe" } }, { deed: { kind: "gone", node: name } }],
      answered: [{ name: "a", whole: true }],
      recordless: [],
      silent: [],
    });
    expect(code).toBe(0);
  });

  test("shows hostile names and texts on one line, as text", async () => {
    const name = "w\u202eeb\n1";
    const group = await Group.of("a", name);
    const script = "x\u001b[31m";
    const told = { event: "member-failed", nodes: [name], count: 1 };
    group.tell("a", 9_000, refused(name), gone(name, "a"), {
      ...told,
      kind: "handler",
      run: 1,
      script,
      took: 5,
      failure: "no\nway\u001b]0;",
    });
    const { stdout } = await run(group.bench, "why", name);
    expect(stdout).toContain("w\\u202eeb\\n1 is alive");
    expect(stdout).toContain("FAILED: no\\nway\\x1b]0;");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  test("asks again only those that have more to tell, and has all of it", async () => {
    const group = await Group.of("a", "b", "web");
    for (let number = 1; number <= 200; number += 1) {
      const by = `member-${(number * 7_919) % 1_000}`;
      const suspected = { kind: "suspected", node: "web", by, incarnation: number, unheard: false };
      group.tell("a", 60_000 - number * 10, suspected as Deed);
    }
    group.tell("b", 60_000, refused("web"));
    const { stdout } = await run(group.bench, "why", "-all", "web");
    expect(group.asked.length).toBeGreaterThan(1);
    const again = group.asked.slice(1);
    expect(again.map(({ filterNodes }) => filterNodes)).toEqual(again.map(() => ["a"]));
    expect(stdout.match(/ suspects web$/gm)).toHaveLength(200);
    expect(stdout).not.toContain("Had more to tell");
  });

  test("looks back as far as it is told", async () => {
    const group = await Group.of("a", "web");
    group.tell("a", 600_000, refused("web"), gone("web", "a"));
    const { stdout } = await run(group.bench, "why", "-since=5m", "web");
    expect(stdout).toContain("Nothing was the matter with it in the last 5m0s");
    expect(stdout).not.toContain("Time line");
  });

  test("ends with 2 if nobody who keeps records answers, or nothing explains what was seen", async () => {
    const group = await Group.of("serf1", "web");
    group.acksOnly("serf1");
    group.acksOnly("web");
    const nobody = await run(group.bench, "why", "web");
    expect(nobody.stdout).toContain("Nobody who keeps records answered.");
    expect(nobody.code).toBe(2);
    const cleared = { kind: "cleared", node: "web", why: "refuted", incarnation: 2, after: 9 };
    group.tell("a", 5_000, cleared as Deed);
    const puzzled = await run(group.bench, "why", "web");
    expect(puzzled.stdout).toContain("fits no cause that is known");
    expect(puzzled.code).toBe(2);
  });

  test("of a name that nobody knows it says so, and who may be meant", async () => {
    const group = await Group.of("a", "web1");
    group.tell("a", 5_000, refused("web1"));
    const { code, stdout } = await run(group.bench, "why", "web2");
    expect(stdout).toBe(
      "No member web2 is known, and nobody has records of one. Did you mean web1?\n",
    );
    expect(code).toBe(1);
  });

  test("of a member that is forgotten it has what is on record", async () => {
    const group = await Group.of("a");
    group.tell("a", 5_000, refused("web"), gone("web", "a"));
    const { code, stdout } = await run(group.bench, "why", "web");
    expect(stdout).toContain("web is no member that the agent knows (any more).");
    expect(stdout).toContain("its host is there");
    expect(code).toBe(0);
  });

  test("its help tells each exit code", async () => {
    const group = await Group.of("a");
    const { stderr } = await run(group.bench, "why", "-help");
    for (const told of ["exit code is 0 if", "; 1 if NODE is unknown", "; 2 if no cause"])
      expect(stderr.replace(/\s+/g, " ")).toContain(told);
  });

  test.for([[[]], [["a", "b"]], [[""]]])("one name must be given, not %j", async ([names]) => {
    const group = await Group.of("a");
    const { code, stdout } = await run(group.bench, "why", ...(names ?? []));
    expect(stdout).toContain("One name of a member must be given");
    expect(code).toBe(1);
  });
});
