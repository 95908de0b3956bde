import { expect, test } from "vitest";
import type { ResolvedTargets } from "../../src/agent/join-targets.js";
import type { JoinOutcome } from "../../src/agent/joiner.js";
import { type MemberView, RetryJoin } from "../../src/agent/retry-join.js";
import { formatAddress } from "../../src/base/address.js";
import { OperatorError } from "../../src/base/errors.js";
import { RecordedLog } from "../support/recorded-log.js";

const interval = 30_000;
const address = (host: number) => ({ ip: Uint8Array.of(10, 0, 0, host), port: 7_946 });

/** A world of members 1, 2, ...; we are 1. Seeds are addresses of members; time passes by {@link tick}. */
class SeedWorld {
  readonly log = new RecordedLog();
  /** What was contacted, one entry for each try. */
  readonly tries: string[][] = [];
  /** Who is behind the seeds, as DNS says now. */
  seeds: number[] = [2];
  answering = new Set<number>();
  alive: number[] = [1];
  failed = 0;
  leaving = false;
  gaveUp = 0;
  #pending: (() => void) | undefined;
  readonly join: RetryJoin;

  constructor(maxRetries = 0, startJoined = false) {
    this.join = new RetryJoin({
      log: this.log,
      joiner: {
        join: async () => this.#contact(this.seeds),
        lookUp: async () => this.#lookUp(),
        contact: async ({ targets }) =>
          this.#contact(targets.map(({ address: { ip } }) => ip[3] as number)),
      },
      seeds: startJoined ? [] : ["seeds.example"],
      joined: startJoined ? ["seeds.example"] : [],
      replay: false,
      interval,
      maxRetries,
      view: () => this.#view(),
      onGiveUp: () => {
        this.gaveUp += 1;
      },
      schedule: (delay, run) => {
        expect(delay).toBe(interval);
        this.#pending = run;
        return () => {
          this.#pending = undefined;
        };
      },
    });
  }

  /** An interval passes. */
  async tick(count = 1): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const run = this.#pending;
      this.#pending = undefined;
      run?.();
      await this.settle();
    }
  }

  /** All that was begun comes to its end. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  get isWaiting(): boolean {
    return this.#pending !== undefined;
  }

  #lookUp(): ResolvedTargets {
    const targets = this.seeds.map((host) => ({ address: address(host), name: "" }));
    return { targets, failures: [] };
  }

  #contact(hosts: readonly number[]): JoinOutcome {
    if (this.leaving) throw new OperatorError("Serf can't Join after Leave or Shutdown");
    this.tries.push(
      hosts.map((host) => formatAddress(address(host)).replace(/^10.0.0.|:.*$/g, "")),
    );
    const contacted = hosts.filter((host) => this.answering.has(host)).length;
    const failures = hosts.filter((host) => !this.answering.has(host)).map((host) => `no ${host}`);
    return { tried: hosts.length, contacted, failures };
  }

  #view(): MemberView {
    return { alive: this.alive.map(address), failed: this.failed };
  }
}

async function started(
  prepare: (world: SeedWorld) => void,
  maxRetries = 0,
  startJoined = false,
): Promise<SeedWorld> {
  const world = new SeedWorld(maxRetries, startJoined);
  prepare(world);
  world.join.start();
  await world.settle();
  return world;
}

test("the first try is made at once, then one at each interval until a seed answers", async () => {
  const world = await started(() => {});
  expect(world.tries).toEqual([["2"]]);
  await world.tick(2);
  expect(world.tries).toHaveLength(3);
  world.answering.add(2);
  world.alive.push(2);
  await world.tick(3);
  expect(world.tries).toHaveLength(4);
  expect(world.log.at("info").at(-1)).toBe("Join completed. Synced with 1 initial agents");
  expect(world.log.at("warn")[0]).toBe("Join failed: no 2, retrying in 30s");
});

test("N retries make N + 1 attempts, then the agent gives up", async () => {
  const world = await started(() => {}, 2);
  await world.tick(10);
  expect(world.tries).toHaveLength(3);
  expect(world.gaveUp).toBe(1);
  expect(world.log.at("error")).toEqual(["maximum retry join attempts made, exiting"]);
  expect(world.isWaiting).toBe(false);
});

test("as long as nobody is missing, seeds are left alone", async () => {
  const world = await started((one) => {
    one.answering.add(2);
    one.alive = [1, 2, 3];
  });
  await world.tick(100);
  expect(world.tries).toHaveLength(1);
});

test("who has lost all others asks the seeds at each interval, at their new addresses", async () => {
  const world = await started((one) => {
    one.answering.add(2);
    one.alive = [1, 2];
  });
  world.alive = [1];
  await world.tick(3);
  expect(world.tries.slice(1)).toEqual([["2"], ["2"], ["2"]]);
  world.seeds = [7];
  world.answering = new Set([7]);
  await world.tick();
  expect(world.tries.at(-1)).toEqual(["7"]);
  world.alive = [1, 7];
  await world.tick(10);
  expect(world.tries).toHaveLength(5);
});

test("reaching only itself is a success, but not the end of the search", async () => {
  const world = await started((one) => {
    one.seeds = [1, 2];
    one.answering.add(1);
  });
  expect(world.log.at("info").at(-1)).toBe("Join completed. Synced with 1 initial agents");
  await world.tick();
  expect(world.tries.at(-1)).toEqual(["2"]);
});

test("while some are missing only seeds that are not here are asked, ever more rarely", async () => {
  const world = await started((one) => {
    one.seeds = [2, 3, 4];
    one.answering = new Set([2, 3, 4]);
    one.alive = [1, 2, 3, 4];
  });
  world.alive = [1, 2];
  world.failed = 2;
  world.answering.clear();
  const before = world.tries.length;
  const tried: number[] = [];
  for (let tick = 1; tick <= 80; tick += 1) {
    await world.tick();
    if (world.tries.length - before > tried.length) tried.push(tick);
  }
  expect(tried).toEqual([1, 3, 7, 15, 31, 51, 71]);
  expect(world.tries.slice(before).every((hosts) => hosts.join() === "3,4")).toBe(true);
  expect(
    world.log.at("info").filter((line) => line.startsWith("members are missing")),
  ).toHaveLength(1);
});

test("somebody who comes back makes the search quick again", async () => {
  const world = await started((one) => {
    one.seeds = [2, 3];
    one.answering = new Set([2, 3]);
    one.alive = [1, 2, 3, 4];
  });
  world.alive = [1, 2];
  world.failed = 2;
  await world.tick(4);
  const before = world.tries.length;
  world.alive = [1, 2, 4];
  world.failed = 1;
  await world.tick();
  expect(world.tries.length).toBe(before + 1);
});

test("a seed that never came is looked for as long as fewer are here than there are seeds", async () => {
  const world = await started((one) => {
    one.seeds = [1, 2, 3];
    one.answering = new Set([1, 2]);
    one.alive = [1, 2];
  });
  await world.tick();
  expect(world.tries.at(-1)).toEqual(["3"]);
  world.alive = [1, 2, 9];
  await world.tick(19);
  expect(world.tries).toHaveLength(2);
});

test("seeds that are no members are asked every ten minutes, though nobody is missed", async () => {
  const world = await started((one) => {
    one.seeds = [2, 7];
    one.answering.add(2);
    one.alive = [1, 2, 3];
  });
  const tried: number[] = [];
  for (let tick = 1; tick <= 60; tick += 1) {
    await world.tick();
    if (world.tries.length - 1 > tried.length) tried.push(tick);
  }
  expect(tried).toEqual([20, 40, 60]);
  expect(world.tries.at(-1)).toEqual(["7"]);
  expect(world.log.at("info").filter((line) => line.startsWith("members"))).toEqual([]);
});

test("seeds that were joined at start are only watched: first soon, then when needed", async () => {
  const world = await started(
    (one) => {
      one.seeds = [2, 3];
      one.alive = [1, 2, 4];
    },
    0,
    true,
  );
  expect(world.tries).toEqual([]);
  await world.tick();
  expect(world.tries).toEqual([["3"]]);
  await world.tick(5);
  expect(world.tries).toEqual([["3"]]);
  world.alive = [1];
  await world.tick();
  expect(world.tries.at(-1)).toEqual(["2", "3"]);
});

test("missing members that are no seeds are left to the reconnects", async () => {
  const world = await started((one) => {
    one.answering.add(2);
    one.alive = [1, 2];
  });
  world.failed = 1;
  await world.tick(20);
  expect(world.tries).toHaveLength(1);
});

test("leaving ends it, without an error", async () => {
  const world = await started((one) => one.answering.add(2));
  world.leaving = true;
  await world.tick(3);
  expect(world.isWaiting).toBe(false);
  expect(world.log.at("error")).toEqual([]);
});

test("stopping ends it, also while a try is under way", async () => {
  const world = new SeedWorld();
  world.join.start();
  world.join.stop();
  await world.settle();
  expect(world.isWaiting).toBe(false);
});
