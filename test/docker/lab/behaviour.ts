import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Load } from "../../traffic/support/load-client.js";
import { reportLine } from "../../traffic/support/load-record.js";
import { tell } from "../../traffic/support/tell.js";
import { waitUntil } from "../../traffic/support/waiting.js";
import { docker } from "../support/engine.js";
import { note } from "../support/figures.js";
import type { Lab } from "./lab.js";

/** What both variants have to do, however they do it. */
export function testLab(lab: Lab, stack: string): void {
  let load: Load | undefined;

  beforeAll(() => lab.up());

  afterEach(async ({ task }) => {
    await load?.stop();
    load = undefined;
    if (task.result?.state === "fail") tell(await lab.project.logs());
  });

  afterAll(() => lab.project.down());

  test("two web servers answer at the published port, and the page shows both", async () => {
    const published = await lab.project.compose("port", "ha", "8080");
    const answered = new Set<string | null>();
    await waitUntil("both answer", async () => {
      const answer = await fetch(`http://${published.trim()}/`);
      answered.add(answer.headers.get("x-served-by"));
      return answered.size === 2;
    });
    expect([...answered].sort()).toEqual(await lab.living());
    expect(await lab.page()).toEqual(await lab.living());
  });

  test("scaled from two to five and back under load: nothing is lost", async () => {
    load = lab.load();
    await load.more(100);
    const up = await untilServing(lab, load, 5);
    const before = performance.now();
    await lab.scale(2);
    const stopped = performance.now() - before;
    await lab.untilPageIsTrue({ timeout: 5_000 });
    const since = performance.now();
    await load.more(100);
    expect(load.servedBy(since)).toEqual(await lab.living());
    const report = await load.stop();
    tell(reportLine(report));
    expect(report.losses).toEqual({});
    note({
      stack,
      breaks: "scaled from 2 to 5 web servers",
      happens: "all five serve, counted from the command",
      took: up,
      lost: 0,
      of: report.total,
    });
    note({
      stack,
      breaks: "scaled from 5 to 2",
      happens: "drained, then stopped",
      took: stopped,
      lost: 0,
      of: report.total,
    });
  });

  test("a web server that is killed is off the page within seconds", async () => {
    await lab.scale(3);
    await lab.untilPageIsTrue();
    const [victim = ""] = await lab.project.containers("web");
    load = lab.load();
    await load.more(100);
    const began = performance.now();
    await docker("kill", victim);
    await lab.untilPageIsTrue();
    const took = performance.now() - began;
    await load.more(100);
    expect(load.lastOn(victim), "the last request that it answered").toBeLessThan(began + 1_000);
    const report = await load.stop();
    tell(reportLine(report));
    // What was on its way to it or back. A bound for a machine that is busy.
    expect(report.lost.length).toBeLessThan(30);
    note({
      stack,
      breaks: "a web server is killed",
      happens: "others are asked at once; it is off the statistics page",
      took,
      lost: report.lost.length,
      of: report.total,
    });
  });

  test("it returns under its name at another address, though somebody else is at the old one", async () => {
    const [, returning = ""] = await lab.project.containers("web");
    const network = await lab.network();
    const old = await lab.project.address(returning);
    load = lab.load();
    await load.more(50);
    await docker("kill", returning);
    const strangers = await occupy(old, network, returning);
    try {
      const began = performance.now();
      await docker("start", returning);
      await waitUntil(
        "it serves again",
        () => (load?.firstOn(returning, began) ?? Infinity) < Infinity,
      );
      const took = (load.firstOn(returning, began) ?? Number.NaN) - began;
      expect(await lab.project.address(returning)).not.toBe(old);
      await lab.untilPageIsTrue();
      const report = await load.stop();
      tell(reportLine(report));
      expect(report.lost.length).toBeLessThan(30);
      note({
        stack,
        breaks: "a web server is killed and started again, with another address",
        happens: "it serves again, counted from its start",
        took,
        lost: report.lost.length,
        of: report.total,
      });
    } finally {
      await docker("kill", ...strangers);
    }
  });

  test("HAProxy is killed, and started again with the servers that it had", async () => {
    const before = await masterOf(lab);
    load = lab.load();
    await load.more(50);
    await lab.project.exec("ha", `kill -9 ${before}`);
    await waitUntil("there is another", async () => {
      const now = await masterOf(lab);
      return now !== "" && now !== before;
    });
    const since = performance.now();
    const { length } = await lab.living();
    await waitUntil("it serves", () => load?.servedBy(since).length === length);
    await lab.untilPageIsTrue();
    const report = await load.stop();
    tell(reportLine(report));
    const took = (report.lost.at(-1)?.sent ?? 0) - (report.lost[0]?.sent ?? 0);
    expect(took).toBeLessThan(5_000);
    note({
      stack,
      breaks: "HAProxy is killed",
      happens:
        "it is started again with the servers that it had; from the first request lost to the last",
      took,
      lost: report.lost.length,
      of: report.total,
    });
  });

  test("the application of one container is killed, and started again", async () => {
    const [victim = ""] = await lab.living();
    load = lab.load();
    await load.more(50);
    const began = performance.now();
    await docker("exec", victim, "sh", "-c", killApplication);
    await waitUntil("it is taken out", () => load !== undefined && pauseOf(load, victim) > 200, {
      last: () => load?.report().servers[victim],
    });
    const since = performance.now();
    await waitUntil("it serves again", () => load?.firstOn(victim, since) !== undefined);
    const took = performance.now() - began;
    await lab.untilPageIsTrue();
    const report = await load.stop();
    tell(reportLine(report));
    expect(report.lost.length).toBeLessThan(30);
    note({
      stack,
      breaks: "the application in a container is killed",
      happens: "others are asked at once; it is started again and serves",
      took,
      lost: report.lost.length,
      of: report.total,
    });
  });
}

/** Starts containers until one of them has got `address`. */
async function occupy(address: string, network: string, like: string): Promise<string[]> {
  const image = await docker("inspect", "-f", "{{.Image}}", like);
  const idle = ["run", "-d", "--rm", "--network", network, "--entrypoint", "sleep", image, "300"];
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  const started: string[] = [];
  while (started.length < 5) {
    const container = await docker(...idle);
    started.push(container);
    if ((await docker("inspect", "-f", format, container)) === address) break;
  }
  return started;
}

/** The process id of HAProxy's master in its container; empty if it does not answer. */
async function masterOf(lab: Lab): Promise<string> {
  const ask = "echo 'show proc' | socat - /run/haproxy/master.sock 2>/dev/null || :";
  const processes = await lab.project.exec("ha", ask);
  return /^(\d+)\s+master\s/m.exec(processes)?.[1] ?? "";
}

/** Not the agent, which has the application's command line in its own. */
const killApplication = `
  for process in /proc/[0-9]*; do
    case $(tr '\\0' ' ' < "$process/cmdline") in
      'node /app/server.mjs '*) kill -9 "\${process#/proc/}" ;;
    esac
  done`;

/** How long ago the last request was sent that a server answered, ms. */
function pauseOf(load: Load, server: string): number {
  return performance.now() - (load.lastOn(server) ?? 0);
}

/** Scales up, until every web server has answered a request sent since; milliseconds from the command. */
async function untilServing(lab: Lab, load: Load, count: number): Promise<number> {
  const began = performance.now();
  await lab.scale(count);
  await waitUntil(`${count} servers answer`, () => load.servedBy(began).length === count, {
    last: () => load.servedBy(began),
  });
  const took = performance.now() - began;
  await lab.untilPageIsTrue();
  return took;
}
