import { expect, onTestFinished, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { desiredOf, Rig } from "./haproxy-rig.js";
import { Haproxy, type HaproxyOptions } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { freshNet } from "./support/places.js";
import { WebProcess } from "./support/web-process.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);
const net = freshNet();

async function webServer(name: string, host: number): Promise<WebProcess> {
  const web = await WebProcess.start({ name, ip: net(host) });
  onTestFinished(() => web.child.kill());
  return web;
}

async function running(options: Partial<HaproxyOptions> = {}): Promise<Haproxy> {
  const haproxy = await Haproxy.start({ ip: net(1), ...options });
  onTestFinished(() => haproxy.end());
  return haproxy;
}

/** What was measured. */
function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const memberOf = ({ name, ip, port }: WebProcess) => ({ node: name, ip, port });

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
  expect(report.lost, reportLine(report)).toEqual([]);
  expect((await haproxy.master()).reloads).toBeGreaterThanOrEqual(21);
});
