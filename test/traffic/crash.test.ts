import { describe, expect, onTestFinished, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { type CrashResult, crash } from "./support/crash.js";
import { Load } from "./support/load-client.js";
import { type LoadReport, reportLine } from "./support/load-record.js";
import { Stage } from "./support/stage.js";
import { tell } from "./support/tell.js";
import { waitUntil } from "./support/waiting.js";

const missing = missingPrograms("haproxy", "serf");

function tellOf(what: string, result: CrashResult): void {
  const { lost, suffered, rewired, report } = result;
  tell(
    `${what}: without it after ${rewired.toFixed(0)} ms; ${lost} lost, the last after ` +
      `${suffered.toFixed(0)} ms; ${reportLine(report)}`,
  );
}

/** Of clients whose requests may be sent to another server. */
function lostReads(report: LoadReport): unknown[] {
  return report.lost.filter(({ client }) => !/post/i.test(client));
}

describe.skipIf(missing.length > 0)("a web node is lost under load", () => {
  test("killed: in half the time of Serf and the classic scripts, with a tenth of their losses", async () => {
    const fault = { nodes: 3, rate: 200, fault: (node: { kill(): Promise<void> }) => node.kill() };
    const theirs = await crash({ wiring: "classic", ...fault });
    tellOf("Serf, classic scripts, reload", theirs);
    const ours = await crash({ wiring: "built-in", ...fault });
    tellOf("gossipd", ours);
    expect(ours.rewired).toBeLessThanOrEqual(theirs.rewired / 2);
    expect(ours.lost).toBeLessThanOrEqual(Math.max(1, theirs.lost / 10));
    expect(lostReads(ours.report)).toEqual([]);
    // What was under way there and may not be repeated: not more than there are such clients.
    expect(ours.lost).toBeLessThanOrEqual(10);
  });

  test.for(["drain", "out"])(
    "frozen, agent and all (a suspect is to %s): no GET is lost, and none waits for long",
    async (onSuspect) => {
      const ours = await crash({
        wiring: "built-in",
        nodes: 4,
        rate: 200,
        pool: { on_suspect: onSuspect },
        fault: (node) => node.freeze(),
      });
      tellOf(`gossipd, ${onSuspect}`, ours);
      expect(lostReads(ours.report)).toEqual([]);
      // Each POST client has one under way there at most, and none goes there again.
      expect(ours.report.lost.length).toBeLessThanOrEqual(10);
      const worst = Math.max(...Object.values(ours.report.latency).map(({ max }) => max));
      // The mark is 1.5 s on a machine of one's own.
      expect(worst).toBeLessThanOrEqual(4_500);
    },
  );

  test("frozen, but its agent lives on: the proxy is without it all the same", async () => {
    const ours = await crash({
      wiring: "built-in",
      nodes: 4,
      rate: 200,
      fault: (node) => node.web.child.freeze(),
      outOfService: "by checks",
    });
    tellOf("gossipd", ours);
    expect(lostReads(ours.report)).toEqual([]);
    // The mark is 3 s.
    expect(ours.rewired).toBeLessThanOrEqual(9_000);
  });

  test("half of the agents stand still for 2 s, their servers do not: nothing is lost", async () => {
    const stage = await Stage.open({ wiring: "built-in" });
    onTestFinished(() => stage.end());
    await stage.addAll(["web1", "web2", "web3", "web4"]);
    await stage.inStep();
    const load = Load.start({
      target: stage.haproxy.target,
      clients: { fresh: 10, kept: 10, post: 10, slow: 4, slowPost: 4 },
      rate: 200,
    });
    const frozen = [stage.node("web1"), stage.node("web2")];
    let leastReady = 4;
    try {
      await load.more(100);
      for (const { agent } of frozen) agent.child.freeze();
      const began = performance.now();
      await waitUntil("two seconds are over", async () => {
        const served = await stage.served();
        leastReady = Math.min(leastReady, served.filter((text) => !text.includes(" ")).length);
        return performance.now() - began > 2_000;
      });
      for (const { agent } of frozen) agent.child.thaw();
      await stage.inStep();
      await load.more(200);
    } finally {
      await load.stop();
    }
    const report = load.report();
    tell(`at least ${leastReady} of 4 were ready; ${reportLine(report)}`);
    expect(report.lost).toEqual([]);
    // A quarter may be drained on suspicion.
    expect(leastReady).toBeGreaterThanOrEqual(3);
  });
});
