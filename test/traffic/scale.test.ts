import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { fileAndRuntime } from "./support/file-state.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { full, size } from "./support/size.js";
import { Stage } from "./support/stage.js";
import { tell } from "./support/tell.js";

/** Up to ten web nodes, down to two. */
const rounds = size(2, 20);

const all = Array.from({ length: 10 }, (_, index) => `web${index + 1}`);
const stay = all.slice(0, 2);
const come = all.slice(2);

/** How members come and go in HAProxy. */
const modes = full ? (["slots", "dynamic", "reload"] as const) : (["slots"] as const);

const unable = missingPrograms("haproxy").length > 0;

describe.skipIf(unable).for(modes)("scaled under load, by %s", (mode) => {
  const reloads = mode === "reload";
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({
      wiring: "built-in",
      balancer: { mode, ...(reloads ? { governor: { reload_gap: "1s" } } : {}) },
    });
    await stage.addAll(stay);
    await stage.inStep();
  });

  afterAll(() => stage?.end());

  test(
    `${rounds} times from 2 to 10 and back: nothing lost, file equals runtime`,
    async () => {
      const before = await stage.haproxy.master();
      const load = Load.start({
        target: stage.haproxy.target,
        clients: { fresh: 10, kept: 20, post: 10, freshPost: 5, slow: 4, slowPost: 4, download: 2 },
        rate: 250,
      });
      try {
        for (let round = 1; round <= rounds; round += 1) {
          await stage.addAll(come);
          const up = await stage.inStep();
          expect(await fileEqualsRuntime(stage)).toBe(true);
          const since = performance.now();
          await load.more(100);
          expect(load.servedBy(since), "all serve").toEqual([...all].sort());
          for (const half of [come.slice(0, 4), come.slice(4)]) {
            await Promise.all(half.map((name) => stage.remove(name)));
          }
          const down = await stage.inStep();
          expect(await fileEqualsRuntime(stage)).toBe(true);
          tell(
            `round ${round}: in step ${up.toFixed(0)} ms after the last start, ${down.toFixed(0)} ms after the last stop, ${load.lost} lost so far`,
          );
        }
      } finally {
        await load.stop();
      }
      const report = load.report();
      tell(reportLine(report));
      expect(report.lost).toEqual([]);
      expect(await stage.haproxy.master()).toEqual(before);
    },
    30_000 + rounds * 60_000,
  );

  test("replaced one by one, each new one before the old one goes: nothing lost", async () => {
    const before = await stage.haproxy.master();
    const load = Load.start({
      target: stage.haproxy.target,
      clients: { fresh: 10, kept: 20, post: 10, slow: 4, slowPost: 4 },
      rate: 250,
    });
    const count = size(2, 10);
    try {
      for (let index = 1; index <= count; index += 1) {
        await stage.add(`new${index}`);
        await stage.inStep();
        await stage.remove([...stage.nodes.keys()][0] ?? "");
        await stage.inStep();
      }
    } finally {
      await load.stop();
    }
    const report = load.report();
    tell(`${count} replaced: ${reportLine(report)}`);
    expect(report.lost).toEqual([]);
    if (!reloads) expect(await stage.haproxy.master()).toEqual(before);
  }, 300_000);
});

/** Right away or very soon: a change may be under way when it is looked for. */
async function fileEqualsRuntime(stage: Stage): Promise<true> {
  await expect
    .poll(
      async () => {
        const { file, runtime } = await fileAndRuntime(stage.haproxy);
        return file.join("\n") === runtime.join("\n") ? "equal" : { file, runtime };
      },
      { timeout: 5_000 },
    )
    .toBe("equal");
  return true;
}
