import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agent, allShow, loopbackNet } from "../support/agents.js";
import { missingPrograms } from "../support/programs.js";

describe.skipIf(missingPrograms("serf").length > 0)("two of ours and one of Serf's", () => {
  const ip = loopbackNet();
  const agents: Agent[] = [];
  const named = (name: string): Agent => agents.find((agent) => agent.name === name) as Agent;

  beforeAll(async () => {
    for (const [kind, name] of [
      ["gossipd", "g1"],
      ["serf", "s1"],
      ["gossipd", "g2"],
    ] as const) {
      const join = agents.length === 0 ? [] : [`-join=${agents[0]?.gossip}`];
      const args = [...join, `-tag=kind=${kind}`, "-tag=note=é 'x'"];
      agents.push(await Agent.start({ kind, name, ip: ip(agents.length + 1), args }));
    }
    await allShow(agents, { g1: "alive", g2: "alive", s1: "alive" });
  });

  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.end()));
  });

  test.for([
    ["g1", "2 of 3 answered and agree\nsame here:  g1, g2\nno answer:  s1 ("],
    ["s1", "3 of 3 answered and agree\nsame here:  g1, g2, s1\n"],
  ] as const)("%s can be asked whether all see the same", async ([name, words]) => {
    const waited = await named(name).cli(["wait", "-agree", "-members=3"], "gossipd");
    expect(waited.code).toBe(0);
    const { code, stdout } = await named(name).cli(["members", "-agree"], "gossipd");
    expect(stdout).toContain(words);
    expect(code).toBe(0);
  });

  test("a wait for an agent of Serf to settle goes by its list", async () => {
    const flags = ["-settled", "-tag=kind=gossipd", "-members=2", "-exactly", "-timeout=20s"];
    expect(await named("s1").cli(["wait", ...flags], "gossipd")).toEqual({
      code: 0,
      stdout: "2 of 2 members alive with tag kind=gossipd, settled\n",
      stderr: "",
    });
  });

  test("top shows of an agent of Serf what that knows, and of ours more", async () => {
    const serf = (await named("s1").cli(["top"], "gossipd")).stdout;
    expect(serf).toMatch(
      /^s1 {2}not encrypted {2}an agent of Serf tells no more\n3 members: 3 alive/,
    );
    expect(serf).toMatch(/\ng1 {4}127\S+ {2}alive +[\d.]+ms +- +- +kind=gossipd,note=é 'x'\n/);
    const ours = (await named("g1").cli(["top"], "gossipd")).stdout;
    expect(ours).toMatch(/^g1 {2}127\S+ {2}gossipd \S+ {2}up /);
    // Serf tells its tags in any order.
    expect(ours).toMatch(
      /\ns1 {4}127\S+ {2}alive +(-|[\d.]+ms) +(-|[\d.]+ms) +\d+ +(\S.*,)?kind=serf/,
    );
  });

  test("every format is made from what an agent of Serf says", async () => {
    const first = async (...flags: string[]) =>
      (await named("s1").cli(["members", "-name=g1", ...flags], "gossipd")).stdout;
    const { ip: address } = named("g1");
    expect(await first("-format=hosts")).toBe(`${address}\tg1\n`);
    expect(await first("-format=csv")).toContain(`\r\ng1,${address},7946,alive,5,"{""kind""`);
    expect(await first("-format=env")).toContain("GOSSIPD_MEMBER_1_TAG_NOTE='é '\\''x'\\'''\n");
    expect(await first("-template={{ members[0].tags.note | json }}")).toBe("\"é 'x'\"\n");
  });
});
