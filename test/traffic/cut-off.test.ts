import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingNamespaces } from "../support/network.js";
import { missingPrograms } from "../support/programs.js";
import { pause } from "../support/wait.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { SwitchedNetwork } from "./support/netns.js";
import { full, size } from "./support/size.js";
import { Stage } from "./support/stage.js";
import { tell } from "./support/tell.js";
import { waitUntil } from "./support/waiting.js";

const nodes = size(4, 6);

/** Of all kinds together: so many requests are under way at most. */
const clients = { fresh: 10, kept: 10, post: 5 };
const underWay = 25;
const gossipPort = 7_946;

/** As long as a failure takes to be found with the profile `local`, and then some, ms. */
const foundWithin = size(7_000, 30_000);

interface Status {
  readonly balancers: readonly {
    readonly holds: readonly { readonly kind: string; readonly nodes: readonly string[] }[];
  }[];
}

const unable = missingPrograms("haproxy").length > 0 || missingNamespaces() !== undefined;

/** Whether the balancer asks the services itself before it believes that they are gone. */
const waysToBelieve = [
  { asks: "believes what members say", pool: { probe: false } },
  ...(full ? [{ asks: "asks services itself", pool: {} }] : []),
];

describe.skipIf(unable).for(waysToBelieve)(
  "parts are cut off, and the balancer $asks",
  ({ pool }) => {
    const asks = !("probe" in pool);
    let network: SwitchedNetwork;
    let stage: Stage;
    let all: string[];

    beforeAll(async () => {
      network = SwitchedNetwork.make(nodes + 1);
      stage = await Stage.open({
        wiring: "built-in",
        profile: "local",
        network,
        // A loss of half of the pool is to be held: by default it takes more than that.
        balancer: { guard: { keep_share: 0.6 }, damping: false },
        pool,
      });
      await stage.addAll(Array.from({ length: nodes }, (_, index) => `web${index + 1}`));
      await stage.inStep();
      all = await stage.served();
    });

    afterAll(async () => {
      await stage?.end();
      network?.remove();
    });

    /** How the balancer sees its members. */
    async function statuses(): Promise<string[]> {
      const members = await stage.balancer.members();
      return [...members.values()]
        .filter(({ name }) => name !== "edge")
        .map(({ status }) => status);
    }

    async function seesFailed(count: number): Promise<void> {
      let seen: string[] = [];
      await waitUntil(
        `${count} are shown as failed`,
        async () => {
          seen = await statuses();
          return seen.filter((status) => status === "failed").length === count;
        },
        { timeout: 4 * foundWithin, every: 100, last: () => seen },
      );
    }

    function holds(): string[] {
      const { balancers } = JSON.parse(readFileSync(stage.statusFile, "utf8")) as Status;
      return (balancers[0]?.holds ?? []).map(({ kind }) => kind);
    }

    function load(): Load {
      return Load.start({
        target: stage.haproxy.target,
        clients,
        rate: 150,
      });
    }

    /** All are back, in membership and in the pool, without anybody doing anything. */
    async function recovered(): Promise<void> {
      await seesFailed(0);
      await stage.inStep();
      await found(true, all);
      const after = load();
      await after.more(100);
      const report = await after.stop();
      expect(report.lost, reportLine(report)).toEqual([]);
    }

    test("gossip alone is lost between the balancer and all others: nobody notices", async () => {
      const stream = load();
      try {
        network.mute(0, gossipPort);
        await passes(foundWithin, async () => expect(await stage.served()).toEqual(all));
        tell(`members: ${(await statuses()).join()}; held: ${holds().join(", ") || "none"}`);
      } finally {
        network.unmute(0, gossipPort);
        await stream.stop();
      }
      const report = stream.report();
      tell(reportLine(report));
      expect(report.lost).toEqual([]);
      await recovered();
    });

    test("one backend is cut off: it goes", async () => {
      const stream = load();
      const gone = stage.node("web1");
      try {
        await stream.more(100);
        network.unplug(1);
        const took = await waitUntil("it is out of service", async () => {
          return !(await stage.served()).includes(gone.address);
        });
        tell(`out of service after ${took.toFixed(0)} ms`);
        await stream.more(100);
        expect(await stage.served()).toEqual(all.filter((address) => address !== gone.address));
      } finally {
        network.plug(1);
        await stream.stop();
      }
      const report = stream.report();
      tell(reportLine(report));
      // HAProxy tries elsewhere what waits for an answer, but not what still connects as it marks a server down.
      expect(report.lost.length).toBeLessThanOrEqual(underWay);
      await recovered();
    });

    test("the balancer is cut off: its pool stays, and serves again as soon as it is back", async () => {
      network.unplug(0);
      // Beyond the time at which each of them would be given up.
      await passes(foundWithin, async () => expect(await stage.served()).toEqual(all));
      tell(`members: ${(await statuses()).join()}; held: ${holds().join(", ") || "none"}`);
      network.plug(0);
      await recovered();
    });

    test("half of the backends are cut off: the rest serve, and the loss is held unless it is seen", async () => {
      const stream = load();
      const halves = Array.from({ length: nodes / 2 }, (_, index) => index + 1);
      try {
        for (const index of halves) network.unplug(index);
        await seesFailed(halves.length);
        if (asks) {
          const rest = all.slice(halves.length);
          await expect.poll(() => stage.served(), { timeout: foundWithin }).toEqual(rest);
        } else {
          await seesHold(foundWithin);
          // Held in the pool; that they do not answer is for the proxy's own checks to see.
          await waitUntil("some of them are in service again", async () => {
            return (await stage.served()).length > nodes / 2;
          });
          await found(false, all.slice(0, halves.length));
        }
        tell(`held: ${holds().join(", ") || "none"}; in service: ${await stage.served()}`);
        const before = stream.lost;
        await stream.more(200);
        // The checks, or the members, have told it by now.
        expect(stream.lost).toBe(before);
      } finally {
        for (const index of halves) network.plug(index);
        await stream.stop();
      }
      tell(reportLine(stream.report()));
      await recovered();
    });

    /** The proxy's own checks find all of these that are in service well, or none. */
    async function found(well: boolean, addresses: readonly string[]): Promise<void> {
      await waitUntil(`checks find them ${well ? "well" : "down"}`, async () => {
        const servers = await stage.haproxy.servers();
        return servers
          .filter(({ ip, port, state }) => state === "ready" && addresses.includes(`${ip}:${port}`))
          .every(({ up }) => up === well);
      });
    }

    /** `holds` throughout `time` ms. */
    async function passes(time: number, holdsTrue: () => Promise<void>): Promise<void> {
      const end = performance.now() + time;
      while (performance.now() < end) {
        await holdsTrue();
        await pause(100);
      }
    }

    async function seesHold(timeout: number): Promise<void> {
      await waitUntil("the status tells of a hold", () => holds().length > 0, {
        timeout,
        every: 50,
        last: () => readFileSync(stage.statusFile, "utf8"),
      });
    }
  },
);
