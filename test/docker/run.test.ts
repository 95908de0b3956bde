import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Load } from "../traffic/support/load-client.js";
import { waitUntil } from "../traffic/support/waiting.js";
import { Box, type BoxOptions } from "./run/box.js";
import { docker, gossipdImage } from "./support/engine.js";
import { note } from "./support/figures.js";

const folder = fileURLToPath(new URL("run/", import.meta.url));
const network = "gossipd-test-run";
const kinds = ["balancer", "web", "s6"];
const image = (kind: string): string => `gossipd-test-run-${kind}`;

const boxes: Box[] = [];

async function start(options: BoxOptions): Promise<Box> {
  const box = await Box.start({ network, ...options });
  boxes.push(box);
  return box;
}

beforeAll(async () => {
  for (const kind of kinds) {
    await docker(
      ...["build", "--quiet", "-t", image(kind), "-f", `${folder}Dockerfile.${kind}`],
      ...["--build-arg", `GOSSIPD_IMAGE=${gossipdImage}`, folder],
    );
  }
  await docker("network", "rm", network).catch(() => {});
  await docker("network", "create", network);
});

afterEach(async ({ task }) => {
  const failed = task.result?.state === "fail";
  for (const box of boxes.splice(0)) {
    if (failed) process.stderr.write(`${box.name}:\n${await box.logs()}\n`);
    await box.remove();
  }
});

afterAll(async () => {
  await docker("network", "rm", network);
  await docker("rmi", ...kinds.map(image)).catch(() => {});
});

/** Leaves somebody behind every 20 ms, who ends soon after. */
const careless = "while :; do (sleep 0.1 &); sleep 0.02; done";

describe("as a container's first process", () => {
  test("Node.js alone would leave zombies", async () => {
    const box = await start({
      name: "control",
      image: image("web"),
      entrypoint: "node",
      args: [
        "-e",
        `require("node:child_process").spawn("sh", ["-c", ${JSON.stringify(careless)}])`,
      ],
    });
    await waitUntil("there are zombies", async () => (await box.zombies()) > 20);
  });

  const program = "/usr/local/lib/gossipd/node_modules/gossipd/bin/gossipd.js";
  test.for<{ how: string; first: string } & Partial<BoxOptions>>([
    { how: "by the image's launcher", first: "tini", args: [] },
    {
      how: "as Node.js itself, beside the image's init",
      first: "tini",
      entrypoint: "/usr/local/lib/gossipd/node",
      args: [program, "run", "--"],
    },
    {
      how: "as a Node.js from elsewhere, without any init",
      first: "sh",
      entrypoint: "node",
      args: [program, "run", "--"],
    },
    { how: "below Docker's own init", first: "docker-init", flags: ["--init"], args: [] },
  ])("$how it leaves none, and passes signals and the status on", async ({ how: _, ...box }) => {
    const { args = [], first, ...options } = box;
    const one = await start({
      name: "first",
      image: image("web"),
      ...options,
      args: [...args, "sh", "-c", `trap 'exit 42' TERM; echo up >&2; ${careless}`],
    });
    await one.untilLogged("up\n");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await one.exec("cat /proc/1/comm")).toBe(`${first}\n`);
    // Those that ended within the last moment.
    expect(await one.zombies()).toBeLessThan(10);
    const { status, took } = await one.stop();
    expect(status).toBe(42);
    expect(took).toBeLessThan(10_000);
    expect(await one.logs()).toContain("shutdown complete");
  });
});

describe("before a real HAProxy", () => {
  const join = [
    "-e",
    "GOSSIPD_RETRY_JOIN=gossipd-test-run-balancer",
    "-e",
    "GOSSIPD_RETRY_INTERVAL=1s",
  ];

  async function stage(count: number, flags: readonly string[] = []) {
    const balancer = await start({ name: "balancer", image: image("balancer") });
    const webs: Box[] = [];
    for (let index = 1; index <= count; index += 1) {
      webs.push(
        await start({ name: `web${index}`, image: image("web"), flags: [...join, ...flags] }),
      );
    }
    for (const { name } of webs) await balancer.untilState(name, "ready");
    const target = { host: await balancer.address(), port: 80 };
    const servers = new Set<string>();
    await waitUntil("all serve", async () => {
      const answer = await fetch(`http://${target.host}/`, { headers: { connection: "close" } });
      servers.add(answer.headers.get("x-served-by") ?? "nobody");
      return webs.every(({ name }) => servers.has(name));
    });
    const load = Load.start({ target, rate: 100, clients: { fresh: 5, kept: 5, post: 2 } });
    for (const { name } of webs) {
      await waitUntil(`${name} serves`, () => load.answered(name) > 20);
    }
    return { balancer, webs, load, target };
  }

  test("docker stop loses no request, and one that starts gets none before it is ready", async () => {
    const { balancer, webs, load } = await stage(2);
    const [web1] = webs as [Box];
    const before = load.answered();
    const { status, took } = await web1.stop();
    expect(status).toBe(0);
    expect(took).toBeLessThan(10_000);
    await load.more(100);
    const stopped = load.answered() - before;
    const since = performance.now();
    const late = await start({
      name: "web3",
      image: image("web"),
      flags: [...join, "-e", "START_DELAY=3000"],
    });
    await balancer.untilState("web3", "starting");
    expect(load.servedBy(since)).toEqual(["web2"]);
    const ready = await waitUntil("web3 serves", () => load.answered("web3") > 20);
    const { lost, total } = await load.stop();
    expect(lost).toEqual([]);
    const state = await late.exec("gossipd members -name web3");
    expect(state).toContain("state=ready");
    note({
      stack: "run",
      breaks: "a web container is stopped (docker stop)",
      happens: "drained, acknowledged, stopped, left; exit status 0",
      took,
      lost: 0,
      of: stopped,
    });
    note({
      stack: "run",
      breaks: "a web container is added whose server needs 3 s to listen",
      happens: "no request before it is ready",
      took: ready,
      lost: 0,
      of: total,
    });
  });

  test("an application that is killed is out until it is ready again", async () => {
    const { balancer, webs, load } = await stage(2, ["-e", "GOSSIPD_RESTART=on-failure"]);
    const [web1] = webs as [Box];
    const before = load.report().total;
    await web1.exec(
      'for at in /proc/[0-9]*; do [ "$(tr "\\0" " " 2>&1 < $at/cmdline)" != "node /srv/web.js " ] || kill -9 "$(basename "$at")"; done',
    );
    const killed = performance.now();
    await web1.untilLogged("is started again");
    await waitUntil("web1 serves again", () => load.firstOn("web1", killed) !== undefined);
    const back = (load.firstOn("web1", killed) ?? 0) - killed;
    await load.more(50);
    const { lost, total } = await load.stop();
    // What it was just answering is gone, and what came until the balancer knew.
    expect(lost.length).toBeLessThan(0.1 * (total - before));
    expect(await balancer.statuses()).toMatchObject({ web1: "alive" });
    note({
      stack: "run",
      breaks: "the application of a web container is killed (SIGKILL)",
      happens: "out at once, started again, ready, back",
      took: back,
      lost: lost.length,
      of: total - before,
    });
  });

  test("docker stop of the last that never let go: killed and left within Docker's 10 s", async () => {
    // Says that it is a balancer and does not answer.
    const mute = await start({
      name: "mute",
      image: gossipdImage,
      args: ["agent", "-node", "mute", "-tag", "balancer=mute"],
    });
    const flags = ["-e", "GOSSIPD_RETRY_JOIN=gossipd-test-run-mute", "-e", "GOSSIPD_CHECK_HTTP="];
    const args = ["sh", "-c", "trap '' TERM; echo up >&2; while :; do sleep 1; done"];
    const deaf = await start({ name: "deaf", image: image("web"), flags, args });
    await mute.untilState("deaf", "ready");
    const { status, took } = await deaf.stop();
    expect(status).toBe(137);
    expect(await deaf.logs()).toContain("shutdown complete");
    expect(await mute.statuses()).toEqual({ deaf: "left", mute: "alive" });
    note({
      stack: "run",
      breaks: "docker stop, a balancer does not answer, the application does not heed SIGTERM",
      happens: "given up, killed, left, within Docker's 10 s",
      took,
      lost: undefined,
      of: undefined,
    });
  });

  test("under s6 as process 1 it is the same", async () => {
    const { balancer, load } = await stage(1);
    const box = await start({ name: "s6", image: image("s6"), flags: join });
    await balancer.untilState("s6", "ready");
    await waitUntil("it serves", () => load.answered("s6") > 20);
    expect(await box.exec("cat /proc/1/comm")).toBe("s6-svscan\n");
    const { took } = await box.stop();
    expect(took).toBeLessThan(10_000);
    await load.more(50);
    const { lost } = await load.stop();
    expect(lost).toEqual([]);
    expect(await balancer.statuses()).toEqual({ balancer: "alive", s6: "left", web1: "alive" });
  });
});
