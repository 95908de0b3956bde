import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigText } from "../../src/lb/haproxy/config-text.js";
import {
  type Descriptors,
  neededDescriptors,
  readDescriptors,
} from "../../src/lb/haproxy/descriptors.js";
import { missingPrograms } from "../support/programs.js";
import { configFor, desiredOf, Rig } from "./haproxy-rig.js";
import { memberOf, print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import type { HaproxyPlace } from "./support/haproxy.js";
import { freePort } from "./support/places.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

real.for<{
  title: string;
  text?: (place: HaproxyPlace) => string;
  config?: Readonly<Record<string, unknown>>;
  break: (text: string, place: HaproxyPlace) => string;
  says: RegExp;
}>([
  {
    title: "a directive that does not exist",
    break: (text) => text.replace("\nbackend web\n", "\nbackend web\n    garbage here\n"),
    says: /refuses .*haproxy\.cfg \(status 1\): parsing \[.*haproxy\.cfg:\d+\] : unknown keyword 'garbage'/,
  },
  {
    title: "two servers of one name",
    break: (text) =>
      text.replace(
        "    # gossipd begin web\n",
        "    server twin 127.0.0.1:9\n    server twin 127.0.0.1:9\n    # gossipd begin web\n",
      ),
    says: /same name|twin/,
  },
  {
    title: "a host that does not exist",
    break: (text) =>
      text.replace("\nbackend web\n", "\nbackend web\n    server a nowhere.invalid:80\n"),
    says: /nowhere\.invalid/,
  },
  {
    title: "a bind line unasked",
    break: (text) => text.replace("frontend users\n", "frontend users\n    bind 127.0.0.1:1\n"),
    says: /"bind 127\.0\.0\.1:1" is new: bind lines are not changed unless "allow_bind_changes"/,
  },
  {
    title: "more connections than file descriptors",
    break: (text) => text.replace(/maxconn \d+/, "maxconn 600000000"),
    says: /needs about \d+ file descriptors .*, and HAProxy may have \d+/,
  },
  {
    title: "no checker",
    config: { binary: "/no/such/haproxy" },
    break: (text) => text.replace("\nbackend web\n", "\nbackend web\n    option httplog\n"),
    says: /there is no program \/no\/such\/haproxy/,
  },
  {
    title: "a checker that hangs",
    config: { binary: "HANGS", check_timeout: "300ms" },
    break: (text) => text.replace("\nbackend web\n", "\nbackend web\n    option httplog\n"),
    says: /did not end within 300 ms/,
  },
])("$title is refused, and nobody notices", async ({ break: damage, config = {}, says }) => {
  const web = await webServer("web1", 51);
  const haproxy = await running();
  const { place } = haproxy;
  const hanging = join(place.folder, "hangs");
  writeFileSync(hanging, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
  const own = JSON.parse(JSON.stringify(config).replace("HANGS", hanging));
  const rig = new Rig(place);
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  const before = rig.text;
  const worker = (await haproxy.master()).worker;
  const faulty = new Rig(place, configFor(place, own), rig.notes);
  await faulty.observe();
  await withoutLoss(haproxy, async () => {
    await expect(faulty.put(damage(before, place))).rejects.toThrow(says);
  });
  expect(rig.text).toBe(before);
  expect(await haproxy.master()).toMatchObject({ worker, failed: 0 });
});

real("an address that somebody else has is refused, though bind lines may change", async () => {
  const web = await webServer("web1", 61);
  const haproxy = await running();
  const { place } = haproxy;
  const rig = new Rig(place, configFor(place, { allow_bind_changes: true }));
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  const before = rig.text;
  const bind = `    bind ${web.address}\n`;
  const text = before.replace("frontend users\n", `frontend users\n${bind}`);
  const reason = `cannot listen on ${web.address}: another program has it`;
  await withoutLoss(haproxy, async () => {
    await expect(rig.put(text)).rejects.toThrow(reason);
    // Nor if somebody wrote it with an editor, so that it is on the disk already.
    rig.write(text);
    expect((await rig.plan(desired)).reload).toMatch(/the file has changed/);
    await expect(rig.proxy.reload(desired, text)).rejects.toThrow(reason);
  });
  expect((await haproxy.master()).failed).toBe(0);
  // Once the cause is gone it is loaded.
  const port = await freePort(web.ip);
  const free = text.replace(bind, `    bind ${web.ip}:${port}\n`);
  await withoutLoss(haproxy, async () => {
    rig.write(free);
    expect(await rig.settle(desired)).toHaveLength(1);
  });
  const answer = await fetch(`http://${web.ip}:${port}/`);
  expect(await answer.text()).toBe("web1\n");
});

real("what only the reload itself shows is told, and the next good file ends it", async () => {
  const web = await webServer("web1", 71);
  const haproxy = await running();
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([memberOf(web)]);
  await rig.settle(desired);
  const good = rig.text;
  const { worker } = await haproxy.master();
  // The checker passes it (it does not bind), and we cannot try it: the socket's folder is missing.
  const bad = good.replace("frontend users\n", "frontend users\n    bind unix@/no/such/folder/x\n");
  await withoutLoss(haproxy, async () => {
    rig.write(bad);
    await expect(rig.proxy.reload(desired, bad)).rejects.toThrow(
      new RegExp(
        `^HAProxy did not load .*haproxy\\.cfg: process ${worker} goes on with the old one \\(1 failed in a row\\), and if it ended now, so would the master`,
      ),
    );
    expect(await haproxy.master()).toMatchObject({ worker, failed: 1 });
    // It must not be left so, even by an agent that has just started.
    const started = new Rig(haproxy.place, configFor(haproxy.place), rig.notes);
    started.write(good);
    expect((await started.plan(desired)).reload).toMatch(/the last reload failed \(1 in a row\)/);
    expect(await started.settle(desired)).toHaveLength(1);
    expect(await haproxy.master()).toMatchObject({ failed: 0 });
  });
  expect(existsSync(haproxy.place.stateFile)).toBe(false);
});

real("so many file descriptors are needed as a process with that file then has", async () => {
  const haproxy = await running();
  const info = async (): Promise<Descriptors> => {
    const found = readDescriptors(await haproxy.ask("show info"));
    if (found === undefined) throw new Error("no such answer");
    return found;
  };
  const rig = new Rig(haproxy.place);
  const desired = desiredOf([]);
  await rig.settle(desired);
  const before = rig.text;
  const text = before
    .replace("maxconn 2000", "maxconn 3000")
    .replace("frontend users\n", `frontend users\n    bind ${haproxy.place.folder}/more.sock\n`)
    .replace(
      "\nbackend web\n",
      "\nbackend web\n    server a 127.0.0.1:9\n    server b 127.0.0.1:9\n",
    );
  const needed = neededDescriptors(await info(), new ConfigText(before), new ConfigText(text));
  rig.write(text);
  await rig.settle(desired);
  const { used } = await info();
  print(`file descriptors: ${needed} foreseen, ${used} needed`);
  expect(Math.abs((needed ?? 0) - used)).toBeLessThan(20);
});
