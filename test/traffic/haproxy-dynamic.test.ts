import { expect, test } from "vitest";
import { parseServerLine } from "../../src/lb/haproxy/server-lines.js";
import { missingPrograms } from "../support/programs.js";
import { configFor, desiredOf, Rig } from "./haproxy-rig.js";
import { memberOf, print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import { type Haproxy, recommendedConfig } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { waitUntil } from "./support/waiting.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

const dynamic = { mode: "dynamic" };

/** The cells of these columns of the pool's servers, by server. */
async function stats(
  haproxy: Haproxy,
  columns: readonly string[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const [head = "", ...lines] = (await haproxy.ask("show stat web 4 -1")).trim().split("\n");
  const names = head.slice(2).split(",");
  const rows = lines.map((line) => line.split(","));
  return Object.fromEntries(
    rows.map((cells) => [cells[1], columns.map((name) => cells[names.indexOf(name)] ?? "")]),
  );
}

real("servers are added and deleted under load without a reload, and nothing is lost", async () => {
  const webs = await Promise.all([11, 12, 13, 14, 15].map((host) => webServer(`web${host}`, host)));
  const [one, two, ...others] = webs.map(memberOf);
  if (one === undefined || two === undefined) throw new Error("no servers");
  const haproxy = await running();
  const rig = new Rig(haproxy.place, configFor(haproxy.place, dynamic));
  await rig.settle(desiredOf([one, two]));
  const reloads = rig.reloads;
  await withoutLoss(haproxy, async (load) => {
    for (let round = 0; round < 3; round += 1) {
      for (let count = 1; count <= others.length; count += 1) {
        const began = performance.now();
        await rig.settle(desiredOf([one, two, ...others.slice(0, count)]));
        const name = others[count - 1]?.node ?? "";
        await waitUntil(`${name} answers`, () => load.firstOn(name, began) !== undefined);
      }
      for (let count = others.length - 1; count >= 0; count -= 1) {
        await rig.settle(desiredOf([one, two, ...others.slice(0, count)]));
        const web = webs[2 + count];
        const before = await web?.arrivals();
        await load.more(10);
        expect((await web?.arrivals())?.arrived).toBe(before?.arrived);
      }
    }
  });
  expect(rig.reloads).toBe(reloads);
  const served = await haproxy.servers();
  expect(served.map(({ name }) => name.slice(0, -5)).sort()).toEqual(["web11", "web12"]);
  await haproxy.child.stop();
  await haproxy.run();
  expect((await haproxy.servers()).sort(byName)).toEqual(served.sort(byName));
});

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}

real(
  "a server that was added is like one of the file: its checks, weight, id and kept connections",
  async () => {
    const [first, added] = [await webServer("web1", 21), await webServer("web2", 22)];
    const haproxy = await running();
    const rig = new Rig(haproxy.place, configFor(haproxy.place, dynamic));
    await rig.settle(desiredOf([memberOf(first)]));
    await rig.proxy.reload(desiredOf([memberOf(first)]), rig.text);
    const weighty = { ...memberOf(added), weight: 30 };
    await rig.settle(desiredOf([memberOf(first), weighty]));
    const load = Load.start({ target: haproxy.target, clients: { kept: 6 }, rate: 300 });
    await load.more(600);
    await load.stop();
    const all = await stats(haproxy, [
      "check_rise",
      "check_fall",
      "weight",
      "sid",
      "connect",
      "reuse",
    ]);
    const shares = Object.entries(all).map(([name, [rise, fall, weight, id, connect, reuse]]) => {
      const line = rig.text.split("\n").find((text) => text.includes(`server ${name} `)) ?? "";
      expect([rise, fall]).toEqual(["1", "2"]);
      expect(Number(id)).toBe(parseServerLine(line)?.id);
      expect(Number(weight)).toBe(parseServerLine(line)?.weight);
      return Number(reuse) / (Number(reuse) + Number(connect));
    });
    print(
      `connections used again: ${shares.map((share) => `${(100 * share).toFixed(1)} %`).join(", ")}`,
    );
    expect(shares).toHaveLength(2);
    for (const share of shares) expect(share).toBeGreaterThan(0.95);
  },
);

real(
  "a server taken out in the midst of requests is deleted as soon as its connections are gone",
  async () => {
    const webs = await Promise.all([31, 32].map((host) => webServer(`web${host}`, host)));
    const [stays, goes] = webs.map(memberOf);
    if (stays === undefined || goes === undefined) throw new Error("no servers");
    const haproxy = await running();
    const rig = new Rig(haproxy.place, configFor(haproxy.place, dynamic));
    for (let round = 0; round < 5; round += 1) {
      await rig.settle(desiredOf([stays, goes]));
      const load = Load.start({ target: haproxy.target, clients: { slow: 8 } });
      await load.more(8);
      const before = (await haproxy.servers()).find(
        ({ port, ip }) => ip === goes.ip && port === goes.port,
      );
      // Somebody does at once what should wait: requests are under way, their connections stay.
      await haproxy.ask(`set server web/${before?.name} state maint`);
      const began = performance.now();
      await rig.settle(desiredOf([stays]));
      print(`gone after ${(performance.now() - began).toFixed()} ms`);
      expect((await haproxy.servers()).map(({ ip }) => ip)).toEqual([stays.ip]);
      expect((await load.stop()).losses).toEqual({});
    }
  },
);

real("an option that cannot be given at run time makes a reload, not an error", async () => {
  const web = await webServer("web1", 41);
  const haproxy = await running({
    text: (place) =>
      recommendedConfig(place).replace(
        "balance roundrobin",
        "balance roundrobin\n    cookie C insert",
      ),
  });
  const pools = [{ name: "web", members: "role=web", port: 80, server_options: "cookie c1" }];
  const rig = new Rig(haproxy.place, configFor(haproxy.place, { ...dynamic, pools }));
  await rig.settle(desiredOf([]));
  const reloads = rig.reloads;
  await rig.settle(desiredOf([memberOf(web)]));
  expect(rig.reloads).toBe(reloads + 1);
  expect((await haproxy.servers()).map(({ state, up }) => [state, up])).toEqual([["ready", true]]);
});

real("slots that the process still has go when servers are added from then on", async () => {
  const [one, two] = [await webServer("web1", 51), await webServer("web2", 52)];
  const haproxy = await running();
  await new Rig(haproxy.place).settle(desiredOf([memberOf(one), memberOf(two)]));
  const rig = new Rig(haproxy.place, configFor(haproxy.place, dynamic));
  await withoutLoss(haproxy, async (load) => {
    await rig.settle(desiredOf([memberOf(one), memberOf(two)]));
    await load.more(30);
  });
  const names = (await haproxy.servers()).map(({ name }) => name.slice(0, -5));
  expect(names.sort()).toEqual(["web1", "web2"]);
});
