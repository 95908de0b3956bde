import { expect, test } from "vitest";
import { VipGroup } from "./support/vip-group.js";

/** A group whose first balancer has the address, and that has stood still for a while. */
async function settled(balancers = 2, witnesses = 3): Promise<VipGroup> {
  const group = new VipGroup(balancers, witnesses);
  await group.advance(10_000);
  expect(group.holders).toBe("lb1");
  expect(group.serves).toBe(true);
  return group;
}

test("the first by name takes an address that nobody has, alone and for good", async () => {
  const group = new VipGroup(3, 2);
  const took = await group.until("somebody has it", () => group.serves);
  expect(took).toBeLessThan(2_500);
  await group.advance(60_000);
  expect(group.history).toEqual(["lb1"]);
});

test("a holder that dies is replaced within a second, before gossip is sure", async () => {
  const group = await settled();
  group.crash("lb1");
  expect(await group.until("the other has it", () => group.serves)).toBeLessThan(1_000);
  expect(group.holders).toBe("lb2");
  expect(group.machine("lb2").moves.at(-1)?.other).toBe("lb1");
});

test("a holder whose proxy dies is replaced as soon, and does not take it back", async () => {
  const group = await settled();
  group.machine("lb1").proxyServes = false;
  group.machine("lb1").proxyAnswers = false;
  expect(await group.until("the other has it", () => group.serves)).toBeLessThan(1_000);
  await group.until("the first has let go", () => group.holders === "lb2", 2_000);
  group.machine("lb1").proxyServes = true;
  group.machine("lb1").proxyAnswers = true;
  await group.advance(30_000);
  expect(group.history).toEqual(["lb1", "lb1 lb2", "lb2"]);
});

test("a proxy that cannot be asked yields the address without a gap", async () => {
  const group = await settled();
  group.machine("lb1").proxyAnswers = false;
  expect(await group.downtime(5_000)).toBe(0);
  expect(group.history).toEqual(["lb1", "lb1 lb2", "lb2"]);
});

test("a planned move has two holders for a moment and never none", async () => {
  const group = await settled();
  for (const [from, to] of [
    ["lb1", "lb2"],
    ["lb2", "lb1"],
    ["lb1", "lb2"],
  ] as const) {
    group.machine(from).virtualIp?.prefer(to);
    expect(group.machine(to).virtualIp?.prefer(to)).toMatch(/^takes /);
    expect(await group.downtime(3_000)).toBe(0);
    expect(group.holders).toBe(to);
    expect(group.machine(from).virtualIp?.status().state).toBe("ready");
  }
  group.crash("lb2");
  expect(await group.until("the other has it", () => group.serves)).toBeLessThan(1_000);
});

test.for(["draining", "maint", "starting"])(
  "a node that is %s gives it to another without a gap, and keeps it if there is none",
  async (state) => {
    const group = await settled();
    group.setTag("lb1", "state", state);
    await group.advance(100);
    expect(group.machine("lb2").virtualIp?.isToTakeFrom("lb1")).toBe(true);
    expect(await group.downtime(5_000)).toBe(0);
    expect(group.holders).toBe("lb2");
    expect(group.machine("lb2").virtualIp?.isToTakeFrom("lb1")).toBe(false);
    group.setTag("lb2", "state", state);
    expect(await group.downtime(5_000)).toBe(0);
    expect(group.holders).toBe("lb2");
    expect(group.machine("lb1").virtualIp?.isToTakeFrom("lb2")).toBe(false);
  },
);

test("an agent that ends moves nothing as long as the address serves", async () => {
  const group = await settled();
  group.killAgent("lb1");
  expect(await group.downtime(30_000)).toBe(0);
  expect(group.holders).toBe("lb1");
  expect(group.machine("lb2").virtualIp?.status().reason).toBe("lb1 is failed, but it answers");
  group.machine("lb2").missed.clear();
  group.start("lb1");
  await group.advance(10_000);
  expect(group.history).toEqual(["lb1"]);
  expect(group.machine("lb1").virtualIp?.status()).toMatchObject({ state: "holds", holder: "lb1" });
});

test("a holder that is cut off drops the address, and does not take it back later", async () => {
  const group = await settled();
  group.cutOff("lb1");
  expect(await group.until("the majority has it", () => group.serves)).toBeLessThan(1_000);
  await group.until("the holder drops it", () => group.holders === "lb2", 3_000);
  await group.advance(120_000);
  expect(group.machine("lb1").virtualIp?.status()).toMatchObject({ state: "unfit", cutOff: true });
  group.heal();
  await group.advance(60_000);
  expect(group.holders).toBe("lb2");
});

test("a group of two keeps its address on both sides of a cut, and agrees after it", async () => {
  const group = await settled(2, 0);
  group.cutOff("lb2");
  await group.advance(30_000);
  expect(group.holders).toBe("lb1 lb2");
  group.heal();
  expect(await group.downtime(30_000)).toBeLessThan(1_500);
  expect(group.holders).toBe("lb2");
});

test("two that cannot reach each other, though all others can, move it ever more rarely", async () => {
  const group = await settled();
  // Neither suspects the other, since the witnesses answer for them.
  group.blind("lb1", "lb2");
  await group.advance(30_000);
  const early = group.history.length;
  expect(await group.downtime(240_000)).toBe(0);
  expect(group.history.length - early).toBeLessThan(2 * 8);
});

test("who cannot put the address on its interface leaves it to the next, and says why", async () => {
  const group = await settled(3);
  group.machine("lb2").refuses = "Operation not permitted";
  group.crash("lb1");
  expect(await group.until("the third has it", () => group.serves)).toBeLessThan(3_000);
  expect(group.holders).toBe("lb3");
  expect(group.machine("lb2").virtualIp?.status().trouble).toBe("Operation not permitted");
});

test("an address that a stranger has is left alone", async () => {
  const group = new VipGroup(2, 1);
  group.claimForStranger("web1");
  await group.advance(20_000);
  expect(group.holders).toBe("web1");
  expect(group.machine("lb1").virtualIp?.status().reason).toBe("it answers, but no member has it");
});

test.for([2, 3])("of %i balancers any sequence of faults leaves one holder", async (balancers) => {
  const group = await settled(balancers);
  for (let seed = 1; seed <= 12; seed += 1) {
    const from = group.holders;
    if (seed % 3 === 0) {
      group.machine(from).proxyAnswers = false;
      await group.advance(3_000);
      group.machine(from).proxyAnswers = true;
    } else if (seed % 3 === 1) {
      group.cutOff(from);
      await group.advance(5_000);
      group.heal();
    } else {
      group.setTag(from, "state", "draining");
      await group.advance(2_000);
      group.setTag(from, "state", "ready");
    }
    await group.advance(3_000);
    expect(group.holders.split(" ")).toHaveLength(1);
    expect(group.holders).not.toBe(from);
    expect(group.serves).toBe(true);
  }
});
