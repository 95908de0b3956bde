import { describe, expect, test } from "vitest";
import type { BalancerConfig } from "../../src/lb/config.js";
import { noCounts } from "../../src/lb/counters.js";
import { Governor } from "../../src/lb/governor.js";
import type { Desired } from "../../src/lb/model.js";
import { Round, type RoundResult } from "../../src/lb/round.js";
import { Sync } from "../../src/lb/sync.js";
import { FakeProxy } from "./support/fake-proxy.js";
import { MemoryFile } from "./support/memory-file.js";
import { desired, sampleBalancer } from "./support/samples.js";
import { VirtualHost } from "./support/virtual-host.js";

const before = "global one\nserver web web1 10.0.0.1 80 100 ready\n";

/** One proxy that serves web1, in memory. */
class Bench {
  readonly host = new VirtualHost();
  readonly proxy: FakeProxy;
  readonly file: MemoryFile;
  readonly counters = noCounts();
  readonly copies: string[] = [];
  readonly sync: Sync;
  wanted: Desired = desired({ web1: "ready" });

  constructor(changes: Partial<BalancerConfig> = {}, runtime = true) {
    const config = sampleBalancer(changes);
    this.proxy = new FakeProxy(this.host, before, runtime);
    this.file = new MemoryFile(before);
    const notes = new Map<string, unknown>();
    this.sync = new Sync({
      config,
      proxy: this.proxy,
      store: this.file,
      governor: new Governor(config.governor, config.name),
      counters: this.counters,
      host: this.host,
      notes: { read: (key) => notes.get(key), write: (key, value) => notes.set(key, value) },
      desired: () => this.wanted,
      stagger: () => 0,
      reloadTurn: (reload) => reload(),
      keepEdited: async (text) => {
        this.copies.push(text);
        return "/copy";
      },
    });
  }

  /** One round, with as much virtual time as it takes. */
  async pass(wanted = this.wanted): Promise<RoundResult> {
    this.wanted = wanted;
    const round = new Round(
      "test",
      () => this.host.now(),
      () => {},
    );
    let result: RoundResult | undefined;
    void this.sync.pass(round).then((ended) => {
      result = ended;
    });
    await this.host.until("the end of the round", () => result !== undefined, 200_000);
    return result as unknown as RoundResult;
  }
}

/** A bench whose first round is over: the last good file is known. */
async function settledBench(changes: Partial<BalancerConfig> = {}, runtime = true): Promise<Bench> {
  const bench = new Bench(changes, runtime);
  expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
  return bench;
}

const grown = desired({ web1: "ready", web2: "ready" });

describe("a round", () => {
  test("writes the file first, then changes the proxy, then looks whether it is so", async () => {
    const bench = await settledBench();
    bench.proxy.calls.length = 0;
    bench.proxy.onChange = () => expect(bench.file.text).toContain("web2");
    expect(await bench.pass(grown)).toMatchObject({ kind: "confirmed", waits: [] });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
    expect(bench.proxy.calls.slice(-5)).toEqual([
      "render",
      "check",
      "observe",
      "perform",
      "observe",
    ]);
    expect(bench.sync.applied).toBe(grown.version);
  });

  test("does nothing when nothing is to be done", async () => {
    const bench = await settledBench();
    await bench.pass();
    expect(bench.proxy.performed).toEqual([]);
    expect(bench.file.history).toEqual([]);
    expect(bench.counters).toMatchObject({ passes: 2, changes: 0, reloads: 0, drift: 0 });
  });

  test("has a text checked only if it has another shape than one that was right", async () => {
    const bench = await settledBench();
    await bench.pass(grown);
    await bench.pass(desired({ web1: "ready", web3: "ready" }));
    expect(bench.proxy.calls.filter((call) => call === "check")).toHaveLength(1);
  });

  test("writes nothing before there is a view", async () => {
    const bench = new Bench();
    expect(await bench.pass(desired({}, { frozen: true }))).toEqual({ kind: "frozen" });
    expect(bench.file.history).toEqual([]);
    expect(bench.proxy.ready).toEqual(["web1"]);
  });

  test("says what it would do and does nothing in a dry run", async () => {
    const bench = new Bench({ dryRun: true });
    const result = await bench.pass(grown);
    expect(result).toEqual({
      kind: "dry run",
      what: ["write the file", "web web2 10.0.0.2 80: add 100"],
    });
    expect(bench.file.history).toEqual([]);
    expect(bench.proxy.ready).toEqual(["web1"]);
  });

  test("reloads when the proxy needs the file, at most once per gap", async () => {
    const bench = await settledBench({}, false);
    expect(await bench.pass(grown)).toMatchObject({ kind: "confirmed" });
    expect(await bench.pass(desired({ web1: "ready" }))).toMatchObject({
      kind: "waiting",
      what: "reload: the file is another",
      because: "gap between reloads",
    });
    await bench.host.advance(2_500);
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1"]);
    expect(bench.counters.reloads).toBe(2);
  });

  test("waits for what is under way, and ends it when it is over", async () => {
    const bench = await settledBench();
    bench.proxy.server("web1").inUse = 3;
    const waits = ["web web1 10.0.0.1 80: 3 requests under way"];
    const draining = desired({ web1: "drain" });
    expect(await bench.pass(draining)).toMatchObject({ kind: "confirmed", waits, lookAgain: 20 });
    expect(bench.proxy.served).toEqual(["web1 drain"]);
    bench.proxy.server("web1").inUse = 0;
    expect(await bench.pass()).toMatchObject({ kind: "confirmed", waits: [] });
    expect(bench.proxy.served).toEqual(["web1 maint"]);
  });

  test("never gives requests to a server that was taken out meanwhile", async () => {
    const bench = await settledBench();
    bench.proxy.taking.set("render", 100);
    const wasReady: string[] = [];
    bench.proxy.onChange = () => wasReady.push(...bench.proxy.ready);
    const round = bench.pass(grown);
    await bench.host.advance(50);
    bench.wanted = desired({ web1: "ready", web2: "out" });
    await round;
    expect(wasReady).not.toContain("web2");
    expect(bench.sync.applied).not.toBe(bench.wanted.version);
  });
});

describe("what fails leaves the last good state, says why, and is mended alone", () => {
  test.for([
    { step: "render", reason: "template: unknown filter" },
    { step: "check", reason: "checker: line 7 is wrong" },
  ] as const)("$step", async ({ step, reason }) => {
    const bench = await settledBench();
    bench.proxy.failing.set(step, reason);
    bench.file.text = `${bench.file.text}foreign two\n`;
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
    expect(bench.file.history).toEqual([]);
    expect(bench.proxy.ready).toEqual(["web1"]);
    bench.proxy.failing.clear();
    await bench.host.advance(3_000);
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });

  test.for(["stage", "commit", "read"] as const)("the disk when it is to %s", async (step) => {
    const bench = await settledBench();
    bench.file.failing.add(step);
    const reason = `cannot ${step}: no space left on device`;
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
    expect(bench.file.text).toBe(before);
    expect(bench.proxy.ready).toEqual(["web1"]);
    bench.file.failing.clear();
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("a disk that keeps no copy of the good file is no reason to fail", async () => {
    const bench = await settledBench();
    bench.file.failing.add("confirm");
    expect(await bench.pass(grown)).toMatchObject({ kind: "confirmed" });
    expect(bench.host.log.at("warn")).toContain("last good file not kept");
  });

  test("perform", async () => {
    const bench = await settledBench();
    bench.proxy.failing.set("perform", "No such server.");
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason: "No such server." });
    bench.proxy.failing.clear();
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("a proxy that says yes and does nothing", async () => {
    const bench = await settledBench();
    bench.proxy.perform = async () => {};
    const reason = "the proxy does not take it: web web2 10.0.0.2 80: add 100";
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
  });

  test.for(["observe", "perform"] as const)("a socket that hangs at %s", async (step) => {
    const bench = await settledBench();
    bench.proxy.taking.set(step, Number.POSITIVE_INFINITY);
    expect(await bench.pass(grown)).toMatchObject({ kind: "failed" });
    bench.proxy.taking.clear();
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("a checker that hangs", async () => {
    const bench = await settledBench();
    bench.file.text = `${bench.file.text}foreign two\n`;
    bench.proxy.taking.set("check", Number.POSITIVE_INFINITY);
    const reason = "the check took longer than 25000 ms";
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
    bench.proxy.taking.clear();
    await bench.host.advance(60_000);
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("a proxy that is away: the file is right when it comes back", async () => {
    const bench = await settledBench();
    bench.proxy.isAway = true;
    const reason = "the socket refuses";
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
    expect(bench.file.text).toContain("web2");
    bench.proxy.restart(bench.file.text ?? "");
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
    expect(bench.counters.drift).toBe(1);
  });
});

describe("a reload that fails", () => {
  const reason = "the new process failed: trap";

  async function trapped(): Promise<Bench> {
    const bench = await settledBench({}, false);
    bench.file.text = `${before}trap\n`;
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
    return bench;
  }

  test("is rolled back: the last good file is on the disk and loaded", async () => {
    const bench = await trapped();
    expect(bench.file.text).toBe(before);
    expect(bench.proxy.ready).toEqual(["web1"]);
    expect(bench.proxy.calls.filter((call) => call === "reload")).toHaveLength(2);
    expect(bench.counters).toMatchObject({ reloadFailures: 1, rollbacks: 1, reloads: 0 });
  });

  test("is not tried again with the same text before a minute has passed", async () => {
    const bench = await trapped();
    bench.file.text = `${before}trap\n`;
    await bench.host.advance(30_000);
    expect(await bench.pass()).toEqual({ kind: "failed", reason });
    expect(bench.proxy.calls.filter((call) => call === "reload")).toHaveLength(2);
    bench.file.text = before;
    await bench.host.advance(1_000);
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });

  test("whose roll-back fails as well is rolled back as soon as that is possible", async () => {
    const bench = await settledBench({}, false);
    bench.file.text = `${before}trap\n`;
    bench.file.failing.add("restore");
    expect(await bench.pass(grown)).toEqual({ kind: "failed", reason });
    expect(bench.host.log.at("error")).toContain("roll-back failed");
    bench.file.failing.clear();
    bench.proxy.failing.set("reload", "still broken");
    expect(await bench.pass()).toEqual({ kind: "failed", reason: "still broken" });
    expect(bench.file.text).toBe(before);
    bench.proxy.failing.clear();
    await bench.host.advance(30_000);
    expect(await bench.pass()).toMatchObject({ kind: "waiting" });
    await bench.host.advance(30_000);
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.proxy.ready).toEqual(["web1", "web2"]);
  });
});

describe("a server that is dead is taken out at once", () => {
  const dead = desired({ web1: "ready", web2: "out" });

  test.for(["check", "render"] as const)("while a round hangs at %s", async (step) => {
    const bench = await settledBench();
    await bench.pass(grown);
    bench.file.text = `${bench.file.text}foreign two\n`;
    bench.proxy.taking.set(step, Number.POSITIVE_INFINITY);
    void bench.pass(desired({ web1: "ready", web2: "ready", web3: "ready" }));
    await bench.host.advance(100);
    bench.wanted = dead;
    const began = bench.host.now();
    await bench.sync.rescue();
    expect(bench.proxy.ready).toEqual(["web1"]);
    expect(bench.host.now() - began).toBe(0);
  });

  test("while a reload is under way", async () => {
    const bench = await settledBench();
    await bench.pass(grown);
    bench.file.text = `${bench.file.text}foreign two\n`;
    bench.proxy.taking.set("reload", 5_000);
    const round = bench.pass();
    await bench.host.advance(100);
    expect(bench.proxy.calls.at(-1)).toBe("reload");
    bench.wanted = dead;
    await bench.sync.rescue();
    expect(bench.proxy.ready).toEqual(["web1"]);
    await round;
    expect(bench.proxy.ready).toEqual(["web1"]);
  });

  test("before the file is written, and although the file cannot be", async () => {
    const bench = await settledBench();
    await bench.pass(grown);
    bench.proxy.failing.set("render", "template: broken");
    expect(await bench.pass(dead)).toMatchObject({ kind: "failed" });
    expect(bench.proxy.ready).toEqual(["web1"]);
  });
});

describe("what is not as it was left is found, counted once and repaired", () => {
  test("a server's state", async () => {
    const bench = await settledBench();
    bench.proxy.server("web1").state = "drain";
    const drift = "the proxy was changed: web web1 10.0.0.1 80: ready is to be done";
    expect(await bench.sync.look()).toBe(drift);
    expect(await bench.sync.look()).toBe(drift);
    await bench.pass();
    expect(bench.proxy.ready).toEqual(["web1"]);
    expect(bench.counters.drift).toBe(1);
    expect(await bench.sync.look()).toBeUndefined();
  });

  test("another process, as after a restart", async () => {
    const bench = await settledBench();
    bench.proxy.restart("global one\n");
    expect(await bench.sync.look()).toBe("another process of the proxy serves");
    await bench.pass();
    expect(bench.proxy.ready).toEqual(["web1"]);
    expect(bench.counters.drift).toBe(1);
  });

  test("but not one that a reload of ours began", async () => {
    const bench = await settledBench({}, false);
    await bench.pass(grown);
    expect(await bench.sync.look()).toBeUndefined();
    expect(bench.counters.drift).toBe(0);
  });

  test("our lines in the file", async () => {
    const bench = await settledBench();
    bench.file.text = "global one\n";
    expect(await bench.sync.look()).toBe("the file was edited by hand");
    await bench.pass();
    expect(bench.file.text).toBe(before);
    expect(bench.counters.drift).toBe(1);
  });

  test("the file itself", async () => {
    const bench = await settledBench();
    bench.file.text = undefined;
    expect(await bench.sync.look()).toBe("the file is gone");
  });

  test("lines of others are theirs: they stay, and are no drift", async () => {
    const bench = await settledBench();
    const edited = `# a note\n${before}`;
    bench.file.text = edited;
    expect(await bench.sync.look()).toContain("lines beside servers are others");
    expect(await bench.pass()).toMatchObject({ kind: "confirmed" });
    expect(bench.file.text).toBe(edited);
    expect(bench.counters).toMatchObject({ drift: 0, reloads: 1 });
  });

  test("lines of others that are wrong are never loaded, and stay", async () => {
    const bench = await settledBench();
    const edited = `bad line\n${before}`;
    bench.file.text = edited;
    const reason = "checker: unknown keyword 'bad line'";
    expect(await bench.pass()).toEqual({ kind: "failed", reason });
    expect(bench.file.text).toBe(edited);
    expect(bench.proxy.calls).not.toContain("reload");
    expect(await bench.pass(desired({ web1: "out" }))).toEqual({ kind: "failed", reason });
    expect(bench.proxy.served).toEqual(["web1 maint"]);
  });

  test("a file that a template makes is kept before it is replaced", async () => {
    const bench = await settledBench({ template: "/etc/proxy.liquid" });
    const edited = before.replace("100", "7");
    bench.file.text = edited;
    expect(await bench.sync.look()).toBe("the file was edited by hand");
    await bench.pass();
    expect(bench.copies).toEqual([edited]);
    expect(bench.file.text).toBe(before);
  });

  test("that the proxy cannot be asked is said", async () => {
    const bench = await settledBench();
    bench.proxy.isAway = true;
    expect(await bench.sync.look()).toBe("the socket refuses");
  });
});
