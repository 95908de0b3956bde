import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TagKeeper } from "../../src/agent/tag-keeper.js";
import { OperatorError } from "../../src/base/errors.js";
import { startMember } from "./loopback-member.js";
import { tempDir } from "./temp-dir.js";

type Pairs = Readonly<Record<string, string>>;

/** A member with the tag role=web and a tags file; `beneath` is what it finds of itself. */
async function keeper(beneath: Pairs = {}, initial: Pairs = {}) {
  const configured = new Map(Object.entries({ role: "web", ...initial }));
  const { driver, serf } = await startMember("a", "127.0.0.1", { tags: configured });
  const file = join(tempDir(), "tags.json");
  const tags = new TagKeeper({
    serf,
    driver,
    protocol: 5,
    file,
    configured,
    beneath: new Map(Object.entries(beneath)),
    initial: serf.local.tags,
  });
  return {
    tags,
    change: (set: Pairs, ...remove: string[]) => tags.change(new Map(Object.entries(set)), remove),
    underlie: (set: Pairs) => tags.underlie(new Map(Object.entries(set))),
    cover: (set: Pairs) => tags.cover(new Map(Object.entries(set))),
    /** What others are told, and what a restart would begin with. */
    now: () => ({
      told: Object.fromEntries(serf.local.tags),
      kept: existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Pairs) : undefined,
    }),
  };
}

describe("a tag that ends with the agent", () => {
  test("is told and not kept, whatever else changes", async () => {
    const { change, cover, now } = await keeper();
    await cover({ state: "draining", balancer: "edge" });
    expect(now()).toEqual({
      told: { role: "web", state: "draining", balancer: "edge" },
      kept: undefined,
    });
    await change({ zone: "b" });
    expect(now()).toEqual({
      told: { role: "web", zone: "b", state: "draining", balancer: "edge" },
      kept: { role: "web", zone: "b" },
    });
  });

  test("covers what is kept, and shows it again when it is taken back", async () => {
    const { change, cover, now } = await keeper();
    await change({ state: "starting" });
    await cover({ state: "draining" });
    expect(now()).toEqual({
      told: { role: "web", state: "draining" },
      kept: { role: "web", state: "starting" },
    });
    await cover({ state: "" });
    expect(now().told).toEqual({ role: "web", state: "starting" });
    await cover({ state: "" });
  });

  test.for<{ set: Pairs; remove: string[]; told: Pairs }>([
    { set: { state: "ready" }, remove: [], told: { role: "web", state: "ready" } },
    { set: {}, remove: ["state"], told: { role: "web" } },
  ])("gives way to whoever sets $set or deletes $remove", async ({ remove, set, told }) => {
    const { change, cover, now } = await keeper();
    await cover({ state: "draining" });
    await change(set, ...remove);
    expect(now()).toEqual({ told, kept: told });
  });

  test("that is too long changes nothing", async () => {
    const { change, cover, now } = await keeper();
    await change({ zone: "b" });
    const before = now();
    await expect(cover({ balancer: "x".repeat(600) })).rejects.toThrow(OperatorError);
    expect(now()).toEqual(before);
    await change({ zone: "c" });
    expect(now().told).toEqual({ role: "web", zone: "c" });
  });
});

describe("a state that is found and not ordered", () => {
  test("is told where nothing else is, and never kept", async () => {
    const { change, now, underlie } = await keeper({ state: "starting" });
    await underlie({ state: "ready" });
    expect(now()).toEqual({ told: { role: "web", state: "ready" }, kept: undefined });
    await change({ zone: "b" });
    expect(now()).toEqual({
      told: { role: "web", zone: "b", state: "ready" },
      kept: { role: "web", zone: "b" },
    });
  });

  test.for(["maint", "draining"])("gives way to %s until that is taken back", async (order) => {
    const { change, now, underlie } = await keeper({ state: "starting" });
    await change({ state: order });
    await underlie({ state: "ready" });
    expect(now()).toEqual({
      told: { role: "web", state: order },
      kept: { role: "web", state: order },
    });
    await change({}, "state");
    expect(now()).toEqual({ told: { role: "web", state: "ready" }, kept: { role: "web" } });
  });

  test("is not overruled by who says ready", async () => {
    const { change, now, underlie } = await keeper({ state: "starting" }, { state: "ready" });
    await change({ state: "maint" });
    await change({ state: "ready" });
    await underlie({ zone: "b" });
    expect(now()).toEqual({
      told: { role: "web", state: "starting", zone: "b" },
      kept: { role: "web" },
    });
  });

  test("is covered by what ends with the agent", async () => {
    const { cover, now, underlie } = await keeper({ state: "ready" });
    await cover({ state: "draining" });
    await underlie({ state: "starting" });
    expect(now().told).toEqual({ role: "web", state: "draining" });
  });
});
