import { expect, onTestFinished } from "vitest";
import type { Member } from "./haproxy-rig.js";
import { Haproxy, type HaproxyOptions } from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { freshNet } from "./support/places.js";
import { WebProcess } from "./support/web-process.js";

/** A loopback net of this file's own. */
export const net = freshNet();

/** A web server until the end of the test. */
export async function webServer(name: string, host: number): Promise<WebProcess> {
  const web = await WebProcess.start({ name, ip: net(host) });
  onTestFinished(() => web.child.kill());
  return web;
}

/** An HAProxy until the end of the test. */
export async function running(options: Partial<HaproxyOptions> = {}): Promise<Haproxy> {
  const haproxy = await Haproxy.start({ ip: net(1), ...options });
  onTestFinished(() => haproxy.end());
  return haproxy;
}

/** What was measured. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export const memberOf = ({ name, ip, port }: WebProcess): Member => ({ node: name, ip, port });

/** Requests of all kinds meanwhile; fails if one is lost. */
export async function withoutLoss<T>(
  haproxy: Haproxy,
  work: (load: Load) => Promise<T>,
): Promise<T> {
  const clients = { fresh: 4, kept: 8, post: 8 };
  const load = Load.start({ target: haproxy.target, clients, rate: 200 });
  await load.more(20);
  const result = await work(load);
  await load.more(20);
  const report = await load.stop();
  print(reportLine(report));
  expect(report.losses, reportLine(report)).toEqual({});
  return result;
}
