import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test } from "vitest";
import { Load } from "../traffic/support/load-client.js";
import { waitUntil } from "../traffic/support/waiting.js";
import { AutoscaleStack } from "./autoscale/stack.js";
import { docker } from "./support/engine.js";
import { note } from "./support/figures.js";

const stack = new AutoscaleStack();
const { project } = stack;
const loads: Load[] = [];

beforeAll(async () => {
  await project.up();
  await stack.open();
  await stack.untilReady(2);
});
afterAll(async () => await project.down());

afterEach(async () => {
  await Promise.all(loads.splice(0).map((load) => load.stop()));
});

/** Requests take 200 ms: `rate` per second are a fifth of it at any time. */
function requests(rate: number): Load {
  const clients = { fresh: Math.ceil(rate / 2), kept: Math.ceil(rate / 4) };
  const load = Load.start({ target: stack.service, clients, rate });
  loads.push(load);
  return load;
}

function tellLogsOnFailure(): void {
  onTestFailed(async () => {
    process.stderr.write(`${await project.logs()}\n${JSON.stringify(await stack.events())}\n`);
  });
}

test("its pages tell who is there and why, also where a user asks for them", async () => {
  tellLogsOnFailure();
  expect(await stack.page("/")).toMatchObject({ services: [{ name: "web", target: 2 }] });
  expect(await stack.page("/status")).toMatchObject({
    ok: true,
    belowMinimum: [],
    loadUnknown: [],
  });
  expect(await stack.page("/services")).toMatchObject([{ name: "web", servers: { ready: 2 } }]);
  expect(await stack.page("/servers")).toMatchObject([
    { name: "web-1", phase: "ready" },
    { name: "web-2", phase: "ready" },
  ]);
  const nowhere = await fetch(`${stack.api}/services/nothing/stats`);
  expect(nowhere.status).toBe(404);
  expect((await fetch(`${stack.api}/services`, { method: "POST" })).status).toBe(405);
  for (const port of [8000, 8088, 8406]) {
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  }
});

test("load makes it grow, without a lost request", async () => {
  tellLogsOnFailure();
  const load = requests(130);
  const began = performance.now();
  await stack.untilReady(4);
  const took = performance.now() - began;
  const added = ["web-3", "web-4"];
  await waitUntil("the new ones answer", () => added.every((name) => load.answered(name) > 0));
  const { lost, total, latency } = await load.stop();
  note({
    ...{ stack: "autoscale", breaks: "load rises to 26 requests at a time" },
    ...{ happens: `2 servers become 4; p99 ${Math.round(latency.fresh?.p99 ?? 0)} ms` },
    ...{ took, lost: lost.length, of: total },
  });
  expect(lost).toEqual([]);
});

test("a container that is killed is replaced, and its name comes back", async () => {
  tellLogsOnFailure();
  const load = requests(130);
  await stack.untilReady(4);
  await load.more(150);
  const [victim = ""] = await stack.containers("web-2");
  const began = performance.now();
  await docker("kill", victim);
  await waitUntil("another has its place", async () => {
    const [now] = await stack.containers("web-2");
    return (
      now !== undefined && now !== victim && load.firstOn("web-2", began + 1_000) !== undefined
    );
  });
  const took = (load.firstOn("web-2", began + 1_000) ?? began) - began;
  await load.more(150);
  const { lost, total } = await load.stop();
  note({
    ...{ stack: "autoscale", breaks: "a web container is killed under load" },
    ...{ happens: "another one takes its name and serves" },
    ...{ took, lost: lost.length, of: total },
  });
  expect(took).toBeLessThan(20_000);
  // Those that were with it, at most.
  expect(lost.length).toBeLessThan(20);
  expect(
    (await stack.events()).some(({ kind, text }) => kind === "ended" && text.includes("137")),
  ).toBe(true);
});

test("a controller that is killed changes nothing, and takes over what runs when it is back", async () => {
  tellLogsOnFailure();
  const load = requests(130);
  await stack.untilReady(4);
  const before = await stack.containers();
  const controller = await project.container("controller");
  const began = performance.now();
  await docker("kill", controller);
  await sleep(4_000);
  await load.more(150);
  expect(await stack.containers()).toEqual(before);
  await docker("start", controller);
  await stack.open();
  await stack.untilReady(4);
  const took = performance.now() - began;
  await load.more(150);
  expect(await stack.containers()).toEqual(before);
  const { lost, total } = await load.stop();
  note({
    ...{ stack: "autoscale", breaks: "the controller is killed, and started after 4 s" },
    ...{ happens: "the pool serves on; the controller takes it over" },
    ...{ took, lost: lost.length, of: total },
  });
  expect(lost).toEqual([]);
  const kinds = (await stack.events()).map(({ kind, text }) => `${kind} ${text}`);
  expect(kinds).toContain("started takes over 4 that run");
  expect(kinds.filter((kind) => /^st(?:art|op) /.test(kind))).toEqual([]);
});

test("less load makes it shrink: drained, then stopped, without a lost request", async () => {
  tellLogsOnFailure();
  const load = requests(20);
  const began = performance.now();
  await waitUntil("two are left", async () => (await stack.containers()).length === 2, {
    every: 250,
  });
  const took = performance.now() - began;
  await stack.untilReady(2);
  const { lost, total } = await load.stop();
  note({
    ...{ stack: "autoscale", breaks: "load falls to 4 requests at a time" },
    ...{ happens: "4 servers become 2, one after the other" },
    ...{ took, lost: lost.length, of: total },
  });
  expect(lost).toEqual([]);
});

test("Prometheus scrapes all, and everything on the dashboard has a value", async () => {
  tellLogsOnFailure();
  const dashboard = new URL("../../docker/autoscale/dashboard.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(dashboard, "utf8")) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  // The controller, the balancer's HAProxy, and the agents of all four members.
  await waitUntil(
    "all targets are up",
    async () => {
      const up = await stack.prometheus("up == 1");
      return up.length === 6 && (await stack.prometheus("up == 0")).length === 0;
    },
    { every: 500 },
  );
  const empty: string[] = [];
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const values = await stack.prometheus(expr.replaceAll("$service", "web"));
      if (values.length === 0) empty.push(`${title}: ${expr}`);
    }
  }
  expect(empty).toEqual([]);
  expect(await stack.prometheus("gossipd_balancer_in_step")).toEqual(["1"]);
});

test("the control plane needs less than 150 MB", async () => {
  tellLogsOnFailure();
  const used = await stack.megabytes(["controller", "balancer", "prometheus"]);
  const all = Object.values(used).reduce((sum, one) => sum + one, 0);
  const parts = Object.entries(used).map(([name, one]) => `${name} ${Math.round(one)}`);
  note({
    ...{ stack: "autoscale", breaks: "nothing" },
    ...{ happens: `the control plane uses ${Math.round(all)} MB (${parts.join(", ")})` },
    ...{ took: undefined, lost: undefined, of: undefined },
  });
  expect(all).toBeLessThan(150);
});
