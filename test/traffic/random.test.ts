import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { intBelow, SeededRandom } from "../../src/base/random.js";
import { missingPrograms } from "../support/programs.js";
import { ConfigWatch } from "./support/config-watch.js";
import { fileAndRuntime } from "./support/file-state.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { type Deed, planDeeds } from "./support/random-plan.js";
import { size } from "./support/size.js";
import { Stage, webPort } from "./support/stage.js";
import { tell } from "./support/tell.js";
import { waitUntil } from "./support/waiting.js";

const seed = Number(process.env.SEED ?? 1);
const count = size(30, 500);
const up = ["web1", "web2", "web3"];
const names = Array.from({ length: size(6, 10) }, (_, index) => `web${index + 1}`);

/** A backend may be served for so long after it is gone, ms: a failure has to be found first. */
const bound = 12_000;

describe.skipIf(missingPrograms("haproxy").length > 0)("at random", () => {
  let stage: Stage;
  const places = new Map<string, string>();
  /** When the web server at an address ended, by `ip:port`. */
  const gone = new Map<string, number>();

  beforeAll(async () => {
    stage = await Stage.open({
      wiring: "built-in",
      profile: "local",
      // What holds removals back has its own tests.
      balancer: { guard: { keep_share: 0 }, damping: false },
    });
  });

  afterAll(() => stage?.end());

  async function perform(deed: Deed): Promise<void> {
    const { kind, node: name } = deed;
    switch (kind) {
      case "join":
      case "join elsewhere": {
        const ip = kind === "join" ? places.get(name) : undefined;
        const own = ip ?? stage.freshIp();
        places.set(name, own);
        gone.delete(`${own}:${webPort}`);
        await stage.add(name, { ip: own });
        break;
      }
      case "leave":
        await stage.remove(name);
        gone.set(`${places.get(name)}:${webPort}`, performance.now());
        break;
      case "crash": {
        const node = stage.node(name);
        stage.nodes.delete(name);
        await node.kill();
        gone.set(node.address, performance.now());
        break;
      }
      case "restart agent": {
        const node = stage.node(name);
        await node.agent.child.kill();
        node.agent = await stage.startAgent(name, node.web.ip);
        break;
      }
      case "weigh":
        await stage.node(name).agent.setTags({ weight: String(deed.weight) });
        break;
      case "maintain":
        await stage.node(name).agent.setTags({ state: "maint" });
        break;
      case "make ready":
        await stage.node(name).agent.setTags({ state: "ready" });
        break;
    }
  }

  test(
    `${count} joins, leaves, crashes, tag changes and restarts end in the right pool (SEED=${seed})`,
    async () => {
      const random = new SeededRandom(seed);
      const { deeds, nodes } = planDeeds({ names, up, count }, (limit) => intBelow(random, limit));
      const watch = new ConfigWatch(stage.haproxy.place.config);
      const late: string[] = [];
      const over = new AbortController();
      const patrol = lookForLate(late, over.signal);
      for (const name of up) await perform({ kind: "join", node: name });
      await stage.inStep();
      const load = Load.start({
        target: stage.haproxy.target,
        clients: { fresh: 5, kept: 5 },
        rate: 60,
      });
      try {
        for (let at = 0; at < deeds.length; ) {
          const pair = pairAt(deeds, at);
          await Promise.all(pair.map(perform));
          at += pair.length;
        }
        const wanted = [...nodes]
          .filter(([, { maintained, up }]) => up && !maintained)
          .map(([name, { weight }]) => `${places.get(name)}:${webPort} weight ${weight}`)
          .sort();
        let seen: string[] = [];
        const settled = await waitUntil(
          "the pool is what the members are",
          async () => {
            const servers = await stage.haproxy.servers();
            seen = servers
              .filter(({ state }) => state !== "maint")
              .map(
                ({ ip, port, state, weight }) =>
                  `${ip}:${port} ${state === "ready" ? "weight" : state} ${weight}`,
              )
              .sort();
            return seen.join() === wanted.join();
          },
          { last: () => ({ seen, wanted }) },
        );
        const members = await stage.balancer.members();
        const alive = [...members.values()].filter(
          ({ status, tags }) => status === "alive" && tags.role === "web",
        );
        expect(alive.map(({ ip, name }) => `${name} ${ip}`).sort()).toEqual(
          [...nodes]
            .filter(([, { up }]) => up)
            .map(([name]) => `${name} ${places.get(name)}`)
            .sort(),
        );
        await expect
          .poll(async () => {
            const { file, runtime } = await fileAndRuntime(stage.haproxy);
            return file.join("\n") === runtime.join("\n") ? "equal" : { file, runtime };
          })
          .toBe("equal");
        tell(`in step ${settled.toFixed(0)} ms after the last deed`);
      } finally {
        over.abort();
        await patrol;
        await load.stop();
        watch.end();
      }
      const report = load.report();
      tell(`${watch.count} contents of the file; ${reportLine(report)}`);
      expect(late).toEqual([]);
      expect(watch.faults).toEqual([]);
      expect(watch.count).toBeGreaterThan(5);
    },
    60_000 + count * 5_000,
  );

  /** Looks ten times a second whether a server is ready whose process ended too long ago. */
  async function lookForLate(late: string[], over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const servers = await stage.haproxy.servers().catch(() => []);
      for (const { ip, port, state } of servers) {
        const ended = gone.get(`${ip}:${port}`);
        const age = performance.now() - (ended ?? Number.POSITIVE_INFINITY);
        if (state === "ready" && age > bound) late.push(`${ip}:${port} for ${age.toFixed(0)} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});

/** The deed at `at`, and the next one if it is done to another node. */
function pairAt(deeds: readonly Deed[], at: number): Deed[] {
  const pair = deeds.slice(at, at + 2);
  return pair[0]?.node === pair[1]?.node ? pair.slice(0, 1) : pair;
}
