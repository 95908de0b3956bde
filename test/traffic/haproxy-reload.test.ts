import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { desiredOf, Rig } from "./haproxy-rig.js";
import { memberOf, print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import { recommendedConfig } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

real("20 reloads under 800 kept-alive requests a second lose none", async () => {
  const [one, two] = [await webServer("web1", 11), await webServer("web2", 12)];
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([one, two].map(memberOf));
  await rig.settle(desired);
  const load = Load.start({ target: haproxy.target, clients: { kept: 32, post: 32 }, rate: 800 });
  await load.more(200);
  const times: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const began = performance.now();
    await rig.proxy.reload(desired, rig.text);
    times.push(performance.now() - began);
    await load.more(160);
  }
  const report = await load.stop();
  const sorted = times.toSorted((a, b) => a - b);
  print(
    `reload until confirmed: median ${sorted[10]?.toFixed()} ms, max ${sorted[19]?.toFixed()} ms`,
  );
  print(reportLine(report));
  expect(report.losses, reportLine(report)).toEqual({});
  expect((await haproxy.master()).reloads).toBeGreaterThanOrEqual(21);
});

real(
  "an address that changes across a reload is the new one, whatever the states say",
  async () => {
    const [old, next] = [await webServer("old", 21), await webServer("new", 22)];
    const haproxy = await running();
    const rig = new Rig(haproxy.place);
    await rig.settle(desiredOf([{ ...memberOf(old), node: "web1" }]));
    const desired = desiredOf([{ ...memberOf(next), node: "web1" }]);
    await withoutLoss(haproxy, async (load) => {
      // As if nobody could be told at run time: the slot itself gets the address, in the file alone.
      const text = rig.text.replace(old.address, next.address);
      expect(text).not.toBe(rig.text);
      await rig.put(text);
      const began = performance.now();
      await rig.proxy.reload(desired, text);
      await load.more(50);
      const first = load.firstOn("new", began) ?? Number.NaN;
      print(`first request on the new address after ${(first - began).toFixed()} ms`);
      expect(load.servedBy(performance.now() - 10)).not.toContain("old");
    });
    expect((await haproxy.servers()).filter(({ state }) => state === "ready")).toMatchObject([
      { ip: next.ip, port: next.port },
    ]);
  },
);

real("a server that is known to be down is not believed well again by a reload", async () => {
  const [one, two] = [await webServer("web1", 31), await webServer("web2", 32)];
  const haproxy = await running({
    // Long enough that a new process knows nothing by itself when it is looked at.
    text: (place) => recommendedConfig(place).replace("timeout check 500ms", "timeout check 20s"),
  });
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([one, two].map(memberOf));
  await rig.settle(desired);
  two.child.freeze();
  const sick = (await haproxy.servers()).find(({ ip }) => ip === two.ip)?.name ?? "";
  await haproxy.ask(`set server web/${sick} health down`);
  const up = async (): Promise<readonly string[]> =>
    (await haproxy.servers()).filter((server) => server.up).map(({ ip }) => ip);
  expect(await up()).toEqual([one.ip]);
  await rig.proxy.reload(desired, rig.text);
  expect(await up()).toEqual([one.ip]);
  expect(existsSync(haproxy.place.stateFile), "the states are not left behind").toBe(false);
});

real("what became of a server since then counts more than its state before a reload", async () => {
  const [one, two, three] = [
    await webServer("web1", 41),
    await webServer("web2", 42),
    await webServer("web3", 43),
  ];
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const all = [one, two, three].map(memberOf);
  await rig.settle(desiredOf(all));
  const [first, second, third] = all;
  if (first === undefined || second === undefined || third === undefined) return;
  // By hand: what the file knows nothing of.
  for (const server of await haproxy.servers()) {
    if (server.ip === first.ip) await haproxy.ask(`set server web/${server.name} state maint`);
    if (server.ip === second.ip) await haproxy.ask(`set server web/${server.name} state drain`);
  }
  const desired = desiredOf([first, second, { ...third, admission: "out" }]);
  const text = await rig.render(desired);
  await rig.put(text);
  await rig.proxy.reload(desired, text);
  const states = (await haproxy.servers())
    .filter(({ port }) => port > 9)
    .map(({ ip, state, up }) => [ip, state, up]);
  expect(states).toEqual([
    [first.ip, "ready", true],
    [second.ip, "ready", true],
    [third.ip, "maint", false],
  ]);
});
