import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { Stage } from "./support/stage.js";
import { tell } from "./support/tell.js";
import { waitUntil } from "./support/waiting.js";

/** How long the balancer's agent is alone after its restart, ms: longer than it waits for a view to settle. */
const alone = 4_000;

describe.skipIf(missingPrograms("haproxy").length > 0)("the balancer's agent", () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ wiring: "built-in" });
    await stage.addAll(["web1", "web2", "web3"]);
    await stage.inStep();
  });

  afterAll(() => stage?.end());

  test("dies and starts again knowing nobody: nothing changes until it does, nothing is lost", async () => {
    const file = (): string => readFileSync(stage.haproxy.place.config, "utf8");
    const master = await stage.haproxy.master();
    const before = { file: file(), served: await stage.served() };
    const load = Load.start({
      target: stage.haproxy.target,
      clients: { fresh: 5, kept: 10, post: 5, slow: 2 },
      rate: 150,
    });
    try {
      await load.more(100);
      await stage.killBalancer();
      await load.more(50);
      await stage.startBalancer();
      const began = performance.now();
      await waitUntil("time passes", async () => {
        expect({ file: file(), served: await stage.served() }).toEqual(before);
        return performance.now() - began > alone;
      });
      await stage.add("web4");
      const took = await stage.inStep();
      tell(`in step ${took.toFixed(0)} ms after it heard of the others again`);
      await load.more(100);
    } finally {
      await load.stop();
    }
    const report = load.report();
    tell(reportLine(report));
    expect(report.lost).toEqual([]);
    expect(await stage.haproxy.master()).toEqual(master);
  });
});
