import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { Load } from "./support/load-client.js";
import { type LoadReport, reportLine } from "./support/load-record.js";
import { Stage, type WebNode } from "./support/stage.js";
import { tell } from "./support/tell.js";
import { waitUntil } from "./support/waiting.js";

/** The mark is 2 s after the start of the new one; so much more for a machine with other things to do. */
const mark = 2_000 * 3;

describe.skipIf(missingPrograms("haproxy").length > 0)("the same name at a new address", () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ wiring: "built-in" });
    for (const name of ["web1", "web2", "web3"])
      await stage.add(name, { says: `${name} at first` });
    await stage.inStep();
  });

  afterAll(() => stage?.end());

  /** Does `move` with the node under load; what clients noticed, and when the new place had traffic. */
  async function underLoad(
    name: string,
    move: (old: WebNode) => Promise<void>,
  ): Promise<{ report: LoadReport; followed: number }> {
    const says = `${name} elsewhere`;
    const load = Load.start({
      target: stage.haproxy.target,
      clients: { fresh: 5, kept: 10, post: 10, slow: 4 },
      rate: 200,
    });
    try {
      await load.more(100);
      await move(stage.node(name));
      const node = await stage.add(name, { says });
      // Its agent runs and has joined by now.
      const began = performance.now();
      await waitUntil("the new place has traffic", () => load.answered(says) > 0);
      const followed = (load.firstOn(says, 0) ?? began) - began;
      await stage.inStep();
      await load.more(100);
      const since = performance.now();
      await load.more(100);
      expect(load.servedBy(since)).toHaveLength(3);
      expect(stage.node(name)).toBe(node);
      return { report: await load.stop(), followed };
    } finally {
      await load.stop();
    }
  }

  test("after a graceful stop: traffic follows, nothing is lost", async () => {
    const { followed, report } = await underLoad("web1", (old) => old.leave());
    tell(
      `graceful: first request ${followed.toFixed(0)} ms after the start; ${reportLine(report)}`,
    );
    expect(report.lost).toEqual([]);
    expect(followed).toBeLessThan(mark);
  });

  test("after kill -9 and at once: traffic follows, no GET is lost", async () => {
    const { followed, report } = await underLoad("web2", (old) => old.kill());
    tell(`killed: first request ${followed.toFixed(0)} ms after the start; ${reportLine(report)}`);
    expect(report.lost.filter(({ client }) => client !== "post")).toEqual([]);
    // Not more than were under way and may not be repeated.
    expect(report.lost.length).toBeLessThanOrEqual(10);
    expect(followed).toBeLessThan(mark);
  });

  test("while the old server still answers: traffic follows, nothing is lost", async () => {
    let old: WebNode | undefined;
    const { followed, report } = await underLoad("web3", async (node) => {
      old = node;
      await node.agent.child.kill();
    });
    const before = await old?.web.arrivals();
    await stage.inStep();
    const after = await old?.web.arrivals();
    tell(
      `old one answers: first request ${followed.toFixed(0)} ms after the start; ${reportLine(report)}`,
    );
    expect(report.lost).toEqual([]);
    expect(after?.arrived).toBe(before?.arrived);
    expect(followed).toBeLessThan(mark);
  });
});
