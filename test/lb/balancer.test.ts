import { describe, expect, test } from "vitest";
import { servingBalancer, settleTime, VirtualBalancer } from "./support/virtual-balancer.js";

/** What virtual time a change may take that waits for nothing: views are put together for 5 ms. */
const atOnce = 10;

describe("members become servers", () => {
  test("nothing is written before the view stood still", async () => {
    const world = new VirtualBalancer();
    world.set("web1");
    await world.host.advance(settleTime - 100);
    expect(world.file.history).toEqual([]);
    expect(world.status).toMatchObject({ condition: "warming up", version: null, ok: true });
    await world.host.advance(200);
    expect(world.proxy.ready).toEqual(["web1"]);
    expect(world.status).toMatchObject({ condition: "in step" });
  });

  test("one that joins is served at once, by the runtime socket", async () => {
    const world = await servingBalancer(["web1"]);
    world.set("web2");
    await world.host.advance(atOnce);
    expect(world.proxy.ready).toEqual(["web1", "web2"]);
    expect(world.status.counters.reloads).toBe(0);
    expect(world.audit.at(-1)).toMatchObject({
      cause: "members changed",
      way: "runtime",
      wrote: true,
      result: "confirmed",
      summary: ["wrote /etc/proxy.cfg", "web web2 10.0.0.2 80: add 100"],
    });
  });

  test("one that has to answer first is served as soon as it does", async () => {
    const [pool] = sampleBalancerPools();
    const probe = { path: undefined, timeout: 200, tries: 1 };
    const world = await servingBalancer(["web1"], { pools: [{ ...pool, probe }] });
    world.silent.add("10.0.0.2");
    world.set("web2");
    await world.host.advance(5_000);
    expect(world.proxy.ready).toEqual(["web1"]);
    world.silent.clear();
    await world.host.until("web2 is served", () => world.proxy.ready.includes("web2"), 6_000);
  });

  test("one that failed is taken out at once, whatever a round is doing", async () => {
    const world = await servingBalancer(["web1", "web2", "web3"]);
    world.file.text = `foreign two\n${world.file.text}`;
    world.proxy.taking.set("check", Number.POSITIVE_INFINITY);
    world.set("web4");
    await world.host.advance(3_000);
    expect(world.proxy.calls.filter((call) => call !== "observe").at(-1)).toBe("check");
    world.set("web2", { status: "failed" });
    await world.host.advance(atOnce);
    expect(world.proxy.ready).toEqual(["web1", "web3"]);
    expect(world.status.counters.urgentSteps).toBe(1);
  });

  test("200 changes in 10 s cause no reload where the runtime socket serves", async () => {
    const world = await servingBalancer(["web1", "web2"]);
    for (let change = 0; change < 200; change += 1) {
      world.set("web2", { tag: ["weight", String(change + 1)] });
      await world.host.advance(50);
    }
    await world.host.advance(1_000);
    expect(world.proxy.server("web2").weight).toBe(200);
    expect(world.status.counters.reloads).toBe(0);
  });

  test("and at most 3 where it does not", async () => {
    const world = await servingBalancer(["web1", "web2"], {}, false);
    await world.host.advance(20_000);
    const before = world.status.counters.reloads;
    for (let change = 0; change < 200; change += 1) {
      world.set(`web${(change % 20) + 3}`, { status: change % 40 < 20 ? "alive" : "left" });
      await world.host.advance(50);
    }
    await world.host.advance(12_000);
    expect(world.isInStep).toBe(true);
    expect(world.status.counters.reloads - before).toBeLessThanOrEqual(3);
  });
});

describe("a node that wants to stop is told whether it may", () => {
  test("serving, draining with what is under way, out", async () => {
    const world = await servingBalancer(["web1", "web2"]);
    const answer = () => world.balancer.drained("web2");
    expect(answer()).toEqual({ balancer: "edge", node: "web2", state: "serving", inUse: 0 });
    world.proxy.server("web2").inUse = 2;
    world.set("web2", { tag: ["state", "draining"] });
    await world.host.advance(atOnce);
    expect(answer()).toMatchObject({ state: "draining", inUse: 2 });
    await world.host.advance(1_000);
    expect(answer()).toMatchObject({ state: "draining", inUse: 2 });
    expect(world.status.condition).toBe("waiting");
    world.proxy.server("web2").inUse = 0;
    await world.host.advance(60);
    expect(answer()).toMatchObject({ state: "out", inUse: 0 });
  });

  test("also while no file can be written", async () => {
    const world = await servingBalancer(["web1", "web2", "web3"]);
    world.file.text = `bad line\n${world.file.text}`;
    world.set("web3", { status: "left" });
    await world.host.advance(20_000);
    expect(world.status.condition).toBe("failed");
    world.proxy.server("web2").inUse = 1;
    world.set("web2", { tag: ["state", "draining"] });
    await world.host.advance(500);
    expect(world.balancer.drained("web2")).toMatchObject({ state: "draining", inUse: 1 });
    world.proxy.server("web2").inUse = 0;
    await world.host.advance(500);
    expect(world.balancer.drained("web2")).toMatchObject({ state: "out" });
    const { failures } = world.status.counters;
    await world.host.advance(10_000);
    expect(world.status.counters.failures - failures).toBeLessThanOrEqual(2);
  });

  test("also while the checker hangs", async () => {
    const world = await servingBalancer(["web1", "web2", "web3"]);
    world.file.text = `foreign two\n${world.file.text}`;
    world.proxy.taking.set("check", Number.POSITIVE_INFINITY);
    world.proxy.server("web2").inUse = 1;
    world.set("web2", { tag: ["state", "draining"] });
    await world.host.advance(500);
    expect(world.proxy.calls).toContain("check");
    expect(world.balancer.drained("web2")).toMatchObject({ state: "draining", inUse: 1 });
    world.proxy.server("web2").inUse = 0;
    await world.host.advance(500);
    expect(world.balancer.drained("web2")).toMatchObject({ state: "out" });
  });

  test("one whom nobody knows is out", async () => {
    const world = await servingBalancer(["web1"]);
    expect(world.balancer.drained("web9")).toMatchObject({ state: "out" });
  });

  test("nobody knows while the proxy cannot be asked", async () => {
    const world = await servingBalancer(["web1"]);
    world.proxy.isAway = true;
    await world.host.advance(2_500);
    expect(world.balancer.drained("web1")).toMatchObject({ state: "unknown" });
  });

  test("old workers may still serve it: it waits for their end", async () => {
    const world = await servingBalancer(["web1", "web2"], {}, false);
    await world.host.advance(20_000);
    world.proxy.lingering = 1;
    world.set("web2", { tag: ["state", "draining"] });
    await world.host.advance(atOnce);
    expect(world.proxy.ready).toEqual(["web1"]);
    expect(world.balancer.drained("web2")).toMatchObject({ state: "draining", inUse: 1 });
    world.proxy.lingering = 0;
    await world.host.advance(2_500);
    expect(world.balancer.drained("web2")).toMatchObject({ state: "out", inUse: 0 });
  });
});

describe("what goes wrong is said, and ends without an operator", () => {
  test("a checker that refuses", async () => {
    const world = await servingBalancer(["web1"]);
    world.file.text = `bad line\n${world.file.text}`;
    world.set("web2");
    await world.host.advance(atOnce);
    expect(world.status).toMatchObject({
      condition: "failed",
      ok: false,
      reason: "checker: unknown keyword 'bad line'",
      next: { what: "try again" },
    });
    expect(world.audit.at(-1)).toMatchObject({ result: "failed", wrote: false });
    world.file.text = world.file.text?.replace("bad line\n", "");
    await world.host.until("in step", () => world.isInStep, 31_000);
    expect(world.proxy.ready).toEqual(["web1", "web2"]);
    expect(world.status).toMatchObject({ ok: true, reason: null });
    expect(world.status.last?.lastError).toBe("checker: unknown keyword 'bad line'");
  });

  test("a proxy that was away is served again as soon as a look finds it", async () => {
    const world = await servingBalancer(["web1"]);
    world.proxy.isAway = true;
    world.set("web2");
    await world.host.advance(60_000);
    expect(world.status).toMatchObject({ condition: "failed", reason: "the socket refuses" });
    world.proxy.restart(world.file.text ?? "");
    const took = await world.host.until("in step", () => world.isInStep);
    expect(took).toBeLessThanOrEqual(2_100);
    expect(world.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("a change by hand is found by the next look and repaired", async () => {
    const world = await servingBalancer(["web1"]);
    world.proxy.server("web1").state = "maint";
    const took = await world.host.until("repaired", () => world.proxy.ready.length === 1);
    expect(took).toBeLessThanOrEqual(2_100);
    expect(world.status.counters.drift).toBe(1);
    expect(world.host.log.at("warn")).toContain("balancer has drifted, it is repaired");
  });

  test("failures come again later and later, and are logged once", async () => {
    const world = await servingBalancer(["web1"]);
    world.proxy.failing.set("render", "template: broken");
    world.set("web2");
    await world.host.advance(120_000);
    expect(world.status.counters.failures).toBeLessThanOrEqual(12);
    const lines = world.host.log.at("error").filter((one) => one === "balancer is not in step");
    expect(lines).toHaveLength(1);
  });
});

describe("orders", () => {
  test("paused, the proxy is left as it is; resumed, all is made up for", async () => {
    const world = await servingBalancer(["web1", "web2", "web3"]);
    expect(world.balancer.order({ kind: "pause" })).toBe(
      "edge: paused, the proxy is left as it is",
    );
    world.set("web2", { status: "failed" });
    await world.host.advance(60_000);
    expect(world.proxy.ready).toEqual(["web1", "web2", "web3"]);
    expect(world.status.condition).toBe("paused");
    world.balancer.order({ kind: "resume" });
    await world.host.advance(atOnce);
    expect(world.proxy.ready).toEqual(["web1", "web3"]);
  });

  test("apply tries at once what was to be tried later", async () => {
    const world = await servingBalancer(["web1"]);
    world.proxy.failing.set("check", "checker: no");
    world.file.text = `foreign two\n${world.file.text}`;
    world.set("web2");
    await world.host.advance(20_000);
    world.proxy.failing.clear();
    world.balancer.order({ kind: "apply" });
    await world.host.advance(100);
    expect(world.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("an override is carried out at once", async () => {
    const world = await servingBalancer(["web1", "web2"]);
    world.balancer.order({ kind: "override", node: "web2", admission: "out" });
    await world.host.advance(atOnce);
    expect(world.proxy.ready).toEqual(["web1"]);
  });
});

describe("a single pass", () => {
  test("needs no warm-up and ends when the proxy is in step", async () => {
    const world = new VirtualBalancer();
    world.set("web1");
    const view = {
      self: "lb1",
      members: [...world.members.values()],
      health: { isolated: false, awareness: 0 },
      joined: true,
    };
    let isOver = false;
    void world.balancer.once(view, world.host.now() + 30_000).then(() => {
      isOver = true;
    });
    const took = await world.host.until("the end", () => isOver);
    expect(took).toBeLessThan(100);
    expect(world.proxy.ready).toEqual(["web1"]);
  });

  test("ends at once when it failed", async () => {
    const world = new VirtualBalancer();
    world.proxy.failing.set("render", "template: broken");
    const health = { isolated: false, awareness: 0 };
    let isOver = false;
    const view = { self: "lb1", members: [], health, joined: true };
    void world.balancer.once(view, world.host.now() + 30_000).then(() => {
      isOver = true;
    });
    expect(await world.host.until("the end", () => isOver)).toBeLessThan(100);
    expect(world.status).toMatchObject({ ok: false, reason: "template: broken" });
  });
});

test("a process that ends and starts anew goes on where it was", async () => {
  const world = await servingBalancer(["web1", "web2"]);
  const text = world.file.text;
  await world.balancer.stop();
  world.open();
  await world.host.advance(500);
  world.tell();
  await world.host.advance(5_000);
  expect(world.isInStep).toBe(true);
  expect(world.file.text).toBe(text);
  expect(world.status.counters).toMatchObject({ changes: 0, reloads: 0, drift: 0 });
});

test("a process that is killed right after changes remembers whom it served", async () => {
  const world = await servingBalancer(["web1", "web2"]);
  world.set("web3");
  await world.host.until("in step", () => world.isInStep);
  world.set("web4");
  await world.host.until("in step", () => world.isInStep);
  await world.host.advance(500);
  const text = world.file.text;
  await world.killAndOpen();
  world.members.clear();
  world.tell();
  await world.host.advance(5_000);
  expect(world.file.text).toBe(text);
  expect(world.status.counters).toMatchObject({ changes: 0, drift: 0 });
});

function sampleBalancerPools() {
  const [pool] = new VirtualBalancer().config.pools;
  if (pool === undefined) throw new Error("the sample has a pool");
  return [pool] as const;
}
