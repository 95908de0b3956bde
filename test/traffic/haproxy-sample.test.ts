import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readLbConfig } from "../../src/lb/config-file.js";
import { runProgram } from "../../src/lb/run-program.js";
import { findProgram, missingPrograms } from "../support/programs.js";
import { configFor, desiredOf, Rig } from "./haproxy-rig.js";
import { memberOf, net, print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import type { HaproxyPlace } from "./support/haproxy.js";
import { packageRoot } from "./support/places.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);
const folder = join(packageRoot, "handlers", "lb");

/** The sample at a place of its own, with the part that it only shows. */
function sample({ statsSocket, stateFile, ip, port }: HaproxyPlace): string {
  return readFileSync(join(folder, "haproxy.cfg"), "utf8")
    .replace("/run/haproxy/admin.sock", statsSocket)
    .replace("/run/haproxy/server-states", stateFile)
    .replace("bind :80", `bind ${ip}:${port}`)
    .replace("# defaults\n", "defaults\n")
    .replace("# listen primary\n", "listen primary\n")
    .replace("bind :5432", `bind ${net(2)}:5432`)
    .replace(/^# {4}( .*)$/gm, "    $1");
}

real("the checker has nothing to say against the sample", async () => {
  const haproxy = await running({ text: sample });
  const argv = [findProgram("haproxy") ?? "", "-c", "-f", haproxy.place.config];
  const { code, output } = await runProgram(argv, { timeout: 20_000 });
  const faults = output.split("\n").filter((line) => /^\[(ALERT|WARNING)\]/.test(line));
  // That file is there only while a reload is under way.
  expect(faults.filter((line) => !line.includes("Can't open global server state file"))).toEqual(
    [],
  );
  expect(code).toBe(0);
});

test("the sample configuration of gossipd is for the sample of HAProxy", () => {
  const { balancers } = readLbConfig(join(folder, "lb.json"));
  expect(balancers).toHaveLength(1);
  expect(balancers[0]).toMatchObject({
    name: "haproxy",
    file: "/etc/haproxy/haproxy.cfg",
    proxy: { kind: "haproxy", masterSocket: "/run/haproxy-master.sock" },
    pools: [{ name: "web", port: 8080 }],
  });
});

real("servers come and go behind the sample, and it reloads, without a lost request", async () => {
  const webs = [
    await webServer("web1", 11),
    await webServer("web2", 12),
    await webServer("web3", 13),
  ];
  const [one, two, three] = webs.map(memberOf);
  if (one === undefined || two === undefined || three === undefined) return;
  const haproxy = await running({ text: sample });
  const rig = new Rig(haproxy.place, configFor(haproxy.place));
  await rig.settle(desiredOf([one, two]));
  await withoutLoss(haproxy, async (load) => {
    await rig.settle(desiredOf([one, two, three]));
    await load.more(20);
    await rig.settle(desiredOf([one, { ...two, admission: "drain" }, three]));
    await rig.settle(desiredOf([one, three]));
    await webs[1]?.child.stop();
    await load.more(20);
    await rig.proxy.reload(desiredOf([one, three]), rig.text);
    await load.more(20);
  });
  print(`reloads: ${rig.reloads + 1}, steps: ${rig.steps}`);
  expect(rig.reloads).toBe(1);
});
