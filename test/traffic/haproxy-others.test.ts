import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigStore } from "../../src/lb/config-store.js";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { configFor, desiredOf, Rig } from "./haproxy-rig.js";
import { memberOf, print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import { ask, type HaproxyPlace, recommendedConfig } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

const reloadedByOther = async ({ masterSocket }: HaproxyPlace, worker: number): Promise<void> => {
  await ask(masterSocket, "reload").catch(() => "");
  await until("another worker serves", async () => {
    const text = await ask(masterSocket, "show proc").catch(() => "");
    const current = /# workers\n(\d+)/.exec(text)?.[1];
    return current !== undefined && Number(current) !== worker;
  });
};

real("a reload by somebody else is noticed, and asks for nothing", async () => {
  const [one, two] = [await webServer("web1", 11), await webServer("web2", 12)];
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const [first, second] = [one, two].map(memberOf);
  if (first === undefined || second === undefined) return;
  const desired = desiredOf([first, { ...second, admission: "drain" }]);
  await rig.settle(desired);
  const before = await rig.observe();
  await until("its second is over", () => Date.now() % 1_000 < 100);
  await reloadedByOther(haproxy.place, (await haproxy.master()).worker);
  const after = await rig.observe();
  expect(after.process).not.toBe(before.process);
  expect(await rig.settle(desired)).toEqual([]);
  expect((await rig.observe()).servers.filter(({ state }) => state === "ready")).toMatchObject([
    { node: "web1" },
  ]);
});

real("what somebody else undid by a reload with an old file is found and done again", async () => {
  const [one, two] = [await webServer("web1", 13), await webServer("web2", 14)];
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  await rig.settle(desiredOf([memberOf(one)]));
  const old = rig.text;
  const desired = desiredOf([one, two].map(memberOf));
  await rig.settle(desired);
  rig.write(old);
  await reloadedByOther(haproxy.place, (await haproxy.master()).worker);
  const began = performance.now();
  const done = await rig.settle(desired);
  print(`repaired in ${(performance.now() - began).toFixed()} ms: ${done.join("; ")}`);
  expect((await rig.observe()).servers.filter(({ state }) => state === "ready")).toHaveLength(2);
  expect(rig.text).toContain(two.address);
});

real("steps that were meant for another process are not carried out", async () => {
  const [one, two] = [await webServer("web1", 15), await webServer("web2", 16)];
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  await rig.settle(desiredOf([memberOf(one)]));
  const desired = desiredOf([one, two].map(memberOf));
  await rig.put(await rig.render(desired));
  const { steps } = await rig.plan(desired);
  expect(steps).not.toEqual([]);
  await reloadedByOther(haproxy.place, (await haproxy.master()).worker);
  await expect(rig.proxy.perform(steps)).rejects.toThrow(/was started or reloaded by somebody/);
  await rig.settle(desired);
  expect((await rig.observe()).servers.filter(({ state }) => state === "ready")).toHaveLength(2);
});

real("lines of others that were changed by hand are loaded, once", async () => {
  const web = await webServer("web1", 17);
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  rig.write(
    rig.text.replace("\nbackend web\n", "\nbackend web\n    http-response set-header x-by hand\n"),
  );
  await withoutLoss(haproxy, async () => {
    expect(await rig.settle(desired)).toEqual([
      "reload: the file has changed by more than its servers since it was loaded",
    ]);
  });
  expect(await rig.settle(desired)).toEqual([]);
  const { host, port } = haproxy.target;
  expect((await fetch(`http://${host}:${port}/`)).headers.get("x-by")).toBe("hand");
});

real("comments that are not in UTF-8 ask for no reload", async () => {
  const web = await webServer("web1", 19);
  const haproxy = await running();
  const { config: file, folder } = haproxy.place;
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  writeFileSync(file, `# M\xfcller\n${rig.text}`, "latin1");
  await until("its second is over", () => Date.now() % 1_000 < 100);
  await reloadedByOther(haproxy.place, (await haproxy.master()).worker);
  const store = await ConfigStore.open({ file, folder: join(folder, "state"), backups: 1 });
  const text = (await store.read()) ?? "";
  expect(text).toContain("M\xfcller");
  expect(await rig.plan(desired, text)).toMatchObject({ steps: [], reload: undefined });
});

real("whom it serves is known also when a marker is gone from its file", async () => {
  const web = await webServer("web1", 20);
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  rig.write(rig.text.replaceAll(/^.*# gossipd end.*\n/gm, ""));
  await expect(rig.render(desired)).rejects.toThrow("# gossipd end web");
  const { servers } = await rig.observe();
  expect(servers.filter(({ state }) => state === "ready")).toMatchObject([{ node: "web1" }]);
});

real("a killed worker takes its master along, and the next start is taken as it is", async () => {
  const web = await webServer("web1", 18);
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  const { process: before } = await rig.observe();
  process.kill((await haproxy.master()).worker, "SIGKILL");
  await haproxy.child.ended;
  const gone = await rig.observe();
  expect(gone.trouble).toMatch(/runtime socket .*: (nobody listens|not there)/);
  await expect(rig.proxy.reload(desired, rig.text)).rejects.toThrow(
    /master socket .*: nobody listens/,
  );
  await haproxy.run();
  const after = await rig.observe();
  expect(after.trouble).toBeUndefined();
  expect(after.process).not.toBe(before);
  expect(await rig.settle(desired)).toEqual([]);
});

real("an agent that starts beside a running HAProxy leaves it alone", async () => {
  const web = await webServer("web1", 19);
  const haproxy = await running();
  const desired = desiredOf([memberOf(web)]);
  const first = new Rig(haproxy.place);
  await first.settle(desired);
  expect(await new Rig(haproxy.place, first.config, first.notes).settle(desired)).toEqual([]);
  // Without notes: it cannot know what was loaded if the file was written later than that.
  const forgetful = new Rig(haproxy.place);
  expect(await forgetful.settle(desired)).toHaveLength(1);
  expect(forgetful.reloads).toBe(1);
  expect(await forgetful.settle(desired)).toEqual([]);
});

real("old workers are counted until their last connection ends", async () => {
  const web = await webServer("web1", 20);
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const bySystem = new Rig(
    haproxy.place,
    configFor(haproxy.place, { master_socket: undefined, pid_file: haproxy.place.pidFile }),
    rig.notes,
  );
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  for (let round = 1; round <= 3; round += 1) {
    const download = Load.start({ target: haproxy.target, clients: { download: 1 } });
    await until("it is under way", async () =>
      (await rig.observe()).servers.some(({ inUse }) => inUse > 0),
    );
    await rig.proxy.reload(desired, rig.text);
    expect((await rig.observe()).lingering).toBeGreaterThanOrEqual(1);
    expect((await bySystem.observe()).lingering).toBe((await rig.observe()).lingering);
    if (round < 3) void download.stop();
    else {
      const report = await download.stop();
      expect(report.lost).toEqual([]);
    }
  }
  await until("all are gone", async () => (await rig.observe()).lingering === 0);
  expect((await bySystem.observe()).lingering).toBe(0);
});

real("without a master socket a signal loads the file, and it is seen that it did", async () => {
  const [one, two] = [await webServer("web1", 21), await webServer("web2", 22)];
  const haproxy = await running();
  const { place } = haproxy;
  const config = configFor(place, {
    master_socket: undefined,
    pid_file: place.pidFile,
    reload_timeout: "2s",
  });
  const rig = new Rig(place, config);
  const desired = desiredOf([one, two].map(memberOf));
  await rig.settle(desiredOf([memberOf(one)]));
  await withoutLoss(haproxy, async () => {
    const { worker } = await haproxy.master();
    const began = performance.now();
    await rig.proxy.reload(desired, rig.text);
    print(`seen ${(performance.now() - began).toFixed()} ms after the signal was asked for`);
    await until("the master is back with another worker", async () =>
      haproxy.master().then(
        (state) => state.worker !== worker,
        () => false,
      ),
    );
  });
  const bad = rig.text.replace(
    "frontend users\n",
    "frontend users\n    bind unix@/no/such/folder/x\n",
  );
  const good = rig.text;
  rig.write(bad);
  await expect(rig.proxy.reload(desired, bad)).rejects.toThrow(/still serves after 2000 ms/);
  rig.write(good);
  await rig.proxy.reload(desired, good);
  await until("the master is back and well", async () =>
    haproxy.master().then(
      ({ failed }) => failed === 0,
      () => false,
    ),
  );
});

real("no process is sent that signal that it would end", async () => {
  const web = await webServer("web1", 23);
  const haproxy = await running({ processes: "single" });
  const { place } = haproxy;
  const rig = new Rig(
    place,
    configFor(place, { master_socket: undefined, pid_file: place.pidFile }),
  );
  const desired = desiredOf([memberOf(web)]);
  await expect(rig.proxy.reload(desired, rig.text)).rejects.toThrow(
    `${place.pidFile} names process ${haproxy.child.pid}, which is no master with workers`,
  );
  writeFileSync(place.pidFile, `${web.child.pid}\n`);
  await expect(rig.proxy.reload(desired, rig.text)).rejects.toThrow(
    new RegExp(`names process ${web.child.pid}, which is no HAProxy but "`),
  );
  writeFileSync(place.pidFile, "all\n");
  await expect(rig.proxy.reload(desired, rig.text)).rejects.toThrow(/must hold one process id/);
  const bare = new Rig(place, configFor(place, { master_socket: undefined }));
  await expect(bare.proxy.reload(desired, rig.text)).rejects.toThrow(
    /there is no way to tell HAProxy/,
  );
  expect(haproxy.child.runs && web.child.runs).toBe(true);
});

real.for([
  ["a master socket", (): object => ({})],
  [
    "a process id",
    (place: HaproxyPlace) => ({ master_socket: undefined, pid_file: place.pidFile }),
  ],
] as const)(
  "an HAProxy without a runtime socket is kept right by reloads, by %s",
  async ([, paths]) => {
    const [one, two] = [await webServer("web1", 24), await webServer("web2", 25)];
    const haproxy = await running();
    const { place } = haproxy;
    const text = recommendedConfig(place).replace(/^.*(stats socket|server-state-file).*\n/gm, "");
    const rig = new Rig(place, configFor(place, { ...paths(place) }));
    rig.write(text);
    await rig.settle(desiredOf([memberOf(one)]));
    expect(rig.text).toMatch(/server web1-[0-9a-f]{4} /);
    expect((await rig.observe()).trouble).toBeUndefined();
    const desired = desiredOf([one, two].map(memberOf));
    await withoutLoss(haproxy, async (load) => {
      await rig.settle(desired);
      await until("both serve", () => load.answered("web2") > 0);
    });
    expect(rig.steps).toBe(0);
    const count = rig.reloads;
    expect(await rig.settle(desired)).toEqual([]);
    expect(rig.reloads).toBe(count);
  },
);

real("a server is in use for as long as a process from before a reload sends from it", async () => {
  const [one, two] = [await webServer("web1", 26), await webServer("web2", 27)];
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const [first, second] = [one, two].map(memberOf);
  if (first === undefined || second === undefined) return;
  await rig.settle(desiredOf([first]));
  const download = Load.start({ target: haproxy.target, clients: { download: 1 } });
  await until("it is under way", async () => (await rig.observe()).servers[0]?.inUse === 1);
  const both = desiredOf([first, second]);
  await rig.settle(both);
  await rig.proxy.reload(both, rig.text);
  const ended = download.stop();
  await rig.settle(desiredOf([{ ...first, admission: "drain" }, second]));
  // All that it had under way is over only now: it may stop.
  await one.child.kill();
  const report = await ended;
  expect(report.losses).toEqual({});
  expect(report.answered).toBe(1);
  expect(rig.waits).toContain("web/s01: 1 request under way");
});

real(
  "by mode `reload` all is done by the file, and what differs from it is loaded anew",
  async () => {
    const [one, two] = [await webServer("web1", 28), await webServer("web2", 29)];
    const haproxy = await running();
    const rig = new Rig(haproxy.place, configFor(haproxy.place, { mode: "reload" }));
    const [first, second] = [one, two].map(memberOf);
    if (first === undefined || second === undefined) return;
    await rig.settle(desiredOf([first]));
    await withoutLoss(haproxy, async (load) => {
      await rig.settle(desiredOf([first, second]));
      await until("both serve", () => load.answered("web2") > 0);
      await rig.settle(desiredOf([{ ...first, admission: "drain" }, second]));
      await one.child.kill();
      await load.more(50);
    });
    const states = async (): Promise<unknown> =>
      (await rig.observe()).servers.map(({ node, state }) => [node, state]);
    const desired = desiredOf([{ ...first, admission: "drain" }, second]);
    expect(await states()).toEqual([
      ["web1", "drain"],
      ["web2", "ready"],
    ]);
    const [, server] = await haproxy.servers();
    await haproxy.ask(`set server web/${server?.name} weight 3`);
    expect(await rig.settle(desired)).toEqual([
      expect.stringMatching(/reload: web\/web2-\w+ has the weight 3 in HAProxy, 100 in the file/),
    ]);
    expect(await rig.settle(desired)).toEqual([]);
    expect(rig.steps).toBe(0);
  },
);
