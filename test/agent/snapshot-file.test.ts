import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { systemDisk } from "../../src/agent/snapshot-disk.js";
import { openSnapshot, type RecoveredSnapshot } from "../../src/agent/snapshot-recovery.js";
import { formatAddress } from "../../src/base/address.js";
import { OperatorError } from "../../src/base/errors.js";
import { TimerQueue } from "../../src/base/timers.js";
import { compactSnapshot, type SnapshotRecord } from "../../src/serf/snapshot.js";
import { SnapshotTally } from "../../src/serf/snapshot-tally.js";
import { peerAddress } from "../support/lone-serf.js";
import { RecordedLog } from "../support/recorded-log.js";
import { RecordedMeter } from "../support/recorded-meter.js";
import { MemoryDisk, ProcessEnded } from "./memory-disk.js";
import { tempDir } from "./temp-dir.js";

const path = "/var/snapshot";

/** A snapshot on a disk in memory, in virtual time. */
class Recording {
  readonly log = new RecordedLog();
  readonly meter = new RecordedMeter();
  readonly disk: MemoryDisk;
  readonly recovered: RecoveredSnapshot;
  readonly #timers = new TimerQueue();
  #now = 0;

  constructor(disk: MemoryDisk = new MemoryDisk(), rejoin = false) {
    this.disk = disk;
    this.recovered = openSnapshot(path, rejoin, {
      disk,
      log: this.log,
      meter: this.meter,
      now: () => this.#now,
      schedule: (delay, run) => {
        let open = true;
        this.#timers.at(this.#now + delay, () => open && run());
        return () => {
          open = false;
        };
      },
    });
  }

  add(...records: SnapshotRecord[]): void {
    for (const record of records) this.recovered.file?.append(record);
  }

  run(duration: number): void {
    const end = this.#now + duration;
    for (let due = this.#timers.deadline(); due !== undefined && due <= end; ) {
      this.#now = Math.max(this.#now, due);
      this.#timers.runDue(this.#now);
      due = this.#timers.deadline();
    }
    this.#now = end;
  }

  get text(): string | undefined {
    return this.disk.text(path);
  }
}

const alive = (name: string, host = 1): SnapshotRecord => ({
  kind: "alive",
  name,
  address: peerAddress(host),
});
const clock = (ltime: number): SnapshotRecord => ({ kind: "clock", ltime });
const leave: SnapshotRecord = { kind: "leave" };

/** Comments: a file that is due to be compacted, and says nothing. */
const longFile = `# ${"x".repeat(1_400)}\n`.repeat(100);

test("lines are written at once after a quiet time, else within half a second", () => {
  const snapshot = new Recording();
  snapshot.add(alive("a"), alive("b", 2));
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\n");
  snapshot.run(499);
  snapshot.add(clock(3));
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\n");
  snapshot.run(1);
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\nalive: b 10.0.1.2:7946\nclock: 3\n");
});

test("a leave is safe on disk when it returns, and closing keeps the rest", async () => {
  const snapshot = new Recording();
  snapshot.add(alive("a"), clock(3), leave);
  const text = "alive: a 10.0.1.1:7946\nclock: 3\nleave\n";
  expect(snapshot.disk.next(true).text(path)).toBe(text);
  snapshot.add(clock(4), clock(5));
  await snapshot.recovered.file?.close();
  expect(snapshot.disk.next(true).text(path)).toBe(`${text}clock: 4\nclock: 5\n`);
  expect(snapshot.disk.openHandles).toBe(0);
});

test("a name that is no UTF-8 is written and read byte by byte", async () => {
  const snapshot = new Recording();
  snapshot.add(alive("caf\udce9 \u00fc"));
  expect(snapshot.text).toBe("alive: caf\xe9 \xc3\xbc 10.0.1.1:7946\n");
  const [name] = new Recording(snapshot.disk.next()).recovered.state.alive.keys();
  expect(name).toBe("caf\udce9 \u00fc");
});

test("a long file is compacted, and what comes meanwhile is not lost", async () => {
  const snapshot = new Recording(new MemoryDisk({ [path]: longFile }));
  snapshot.add(alive("a"), alive("b", 2));
  expect(snapshot.text?.length).toBeGreaterThan(131_072);
  snapshot.add({ kind: "not-alive", name: "a" });
  await snapshot.disk.finishSyncs();
  const compacted = "alive: a 10.0.1.1:7946\nclock: 0\nevent-clock: 0\nquery-clock: 0\n";
  const later = "alive: b 10.0.1.2:7946\nnot-alive: a\n";
  expect(snapshot.text).toBe(compacted + later);
  expect(snapshot.meter.take("serf.snapshot.compact")).toHaveLength(1);
  snapshot.run(1_000);
  snapshot.add(clock(8));
  expect(snapshot.text).toBe(`${compacted}${later}clock: 8\n`);
  expect([...snapshot.disk.files.keys()]).toEqual([path]);
  expect(snapshot.disk.openHandles).toBe(1);
});

test.for([
  { call: "create", code: "EACCES" },
  { call: "rename", code: "EBUSY" },
  { call: "sync", code: "EIO" },
] as const)("when a compaction fails ($call: $code) the file goes on growing", async (row) => {
  const snapshot = new Recording(new MemoryDisk({ [path]: longFile }));
  snapshot.disk.refused.set(row.call, row.code);
  for (let time = 1; time < 20; time += 1) {
    snapshot.add(clock(time));
    await snapshot.disk.finishSyncs();
    snapshot.run(1_000);
  }
  expect(snapshot.text?.endsWith("clock: 18\nclock: 19\n")).toBe(true);
  expect(snapshot.log.at("error")).toEqual(["snapshot could not be compacted"]);
  expect([...snapshot.disk.files.keys()]).toEqual([path]);
  expect(snapshot.disk.openHandles).toBe(1);
  snapshot.disk.refused.clear();
  snapshot.add(alive(`${"long ".repeat(40_000)}`));
  snapshot.run(1_000);
  await snapshot.disk.finishSyncs();
  expect(snapshot.text?.startsWith("alive: long")).toBe(true);
  expect(snapshot.log.at("info")).toEqual(["snapshot is compacted again"]);
});

test("a leave during a compaction stays the last word", async () => {
  const snapshot = new Recording(new MemoryDisk({ [path]: longFile }));
  snapshot.add(alive("a"), leave);
  await snapshot.disk.finishSyncs();
  expect(snapshot.text).toBe(`${longFile}alive: a 10.0.1.1:7946\nleave\n`);
  expect([...snapshot.disk.files.keys()]).toEqual([path]);
  await snapshot.recovered.file?.close();
  expect(snapshot.disk.openHandles).toBe(0);
});

test("a full disk is told of once; no line is torn, none is lost once there is room", () => {
  const snapshot = new Recording();
  snapshot.add(alive("a"));
  snapshot.run(1_000);
  snapshot.disk.free = 15;
  snapshot.add(alive("b", 2));
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\n");
  for (let time = 1; time < 10; time += 1) {
    snapshot.add(clock(time));
    snapshot.run(5_000);
  }
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\n");
  expect(snapshot.log.at("error")).toEqual(["snapshot could not be written"]);
  snapshot.disk.free = 1_000;
  snapshot.run(5_000);
  expect(snapshot.text).toMatch(/^alive: a 10.0.1.1:7946\nalive: b 10.0.1.2:7946\nclock: 1\n/);
  expect(snapshot.text).toMatch(/\nclock: 9\n$/);
  expect(snapshot.log.at("info")).toEqual(["snapshot is written again"]);
});

test("what cannot even be cut off is cut off before the next line", () => {
  const snapshot = new Recording();
  snapshot.disk.free = 10;
  snapshot.disk.refused.set("truncate", "EIO");
  snapshot.add(alive("a"));
  expect(snapshot.text).toBe("alive: a 1");
  snapshot.disk.free = 1_000;
  snapshot.run(10_000);
  expect(snapshot.text).toBe("alive: a 1");
  snapshot.disk.refused.clear();
  snapshot.run(5_000);
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\n");
});

test("what waits for a full disk is bounded: then the file is written anew", async () => {
  const snapshot = new Recording();
  snapshot.add(alive("a"));
  snapshot.run(1_000);
  snapshot.disk.free = 0;
  for (let index = 0; index < 12; index += 1)
    snapshot.add(alive(`${index} ${"x".repeat(100_000)}`));
  snapshot.run(10_000);
  for (let index = 1; index < 12; index += 1) {
    snapshot.add({ kind: "not-alive", name: `${index} ${"x".repeat(100_000)}` });
  }
  snapshot.disk.free = 500_000;
  snapshot.run(10_000);
  await snapshot.disk.finishSyncs();
  expect(snapshot.text?.split("\n").map((line) => line.slice(0, 10))).toEqual([
    "alive: a 1",
    "alive: 0 x",
    "clock: 0",
    "event-cloc",
    "query-cloc",
    "",
  ]);
  snapshot.add(clock(7));
  snapshot.run(1_000);
  expect(snapshot.text?.endsWith("\nclock: 7\n")).toBe(true);
});

test("who leaves while lines were given up has left for the next start", async () => {
  const snapshot = new Recording();
  snapshot.disk.free = 0;
  for (let index = 0; index < 12; index += 1)
    snapshot.add(alive(`${index} ${"x".repeat(100_000)}`));
  snapshot.disk.free = 5_000_000;
  snapshot.add(leave);
  await snapshot.recovered.file?.close();
  expect(new Recording(snapshot.disk.next(true)).recovered.state.alive.size).toBe(0);
});

test("a file that was torn goes on with a line of its own", () => {
  const disk = new MemoryDisk({ [path]: "alive: a 10.0.1.1:7946\nalive: b 10.0.1" });
  const snapshot = new Recording(disk);
  expect(snapshot.recovered.state.alive.size).toBe(1);
  expect(snapshot.log.at("warn")).toEqual([
    "last snapshot line was not written to its end, left out",
  ]);
  snapshot.add(alive("c", 3));
  expect(snapshot.text).toBe("alive: a 10.0.1.1:7946\nalive: c 10.0.1.3:7946\n");
});

test("a damaged file is kept aside, and what can be read of it is used", () => {
  const damaged = "alive: a 10.0.1.1:7946\n\0\0\0\0\nclock: 7\nalive: b";
  const snapshot = new Recording(
    new MemoryDisk({ [path]: damaged, [`${path}.unreadable-1`]: "x" }),
  );
  expect(snapshot.recovered.state).toMatchObject({ clock: 7 });
  expect(snapshot.disk.text(`${path}.unreadable-2`)).toBe(damaged);
  snapshot.add(clock(8));
  expect(snapshot.text).toBe(
    "alive: a 10.0.1.1:7946\nclock: 7\nevent-clock: 0\nquery-clock: 0\nclock: 8\n",
  );
  expect(snapshot.log.at("warn")).toEqual([
    "Unrecognized snapshot line: \0\0\0\0",
    "last snapshot line was not written to its end, left out",
    "damaged snapshot kept aside",
  ]);
});

test("of a line without end the log shows the beginning", () => {
  const snapshot = new Recording(new MemoryDisk({ [path]: `${"x".repeat(100_000)}\n` }));
  expect(snapshot.log.at("warn")[0]).toBe(`Unrecognized snapshot line: ${"x".repeat(200)}...`);
});

test.for(["duplicate", "create", "rename"] as const)(
  "a damaged file that cannot be kept (%s) is not touched, and the agent starts",
  (call) => {
    const disk = new MemoryDisk({ [path]: "clock: 7\njunk\n" });
    disk.refused.set(call, "EACCES");
    const snapshot = new Recording(disk);
    snapshot.add(clock(8));
    expect(snapshot.recovered.state.clock).toBe(7);
    expect(snapshot.text).toBe("clock: 7\njunk\n");
    expect(snapshot.log.at("error")).toHaveLength(1);
  },
);

test("a file that cannot be read is kept aside, and a new one is begun", () => {
  const disk = new MemoryDisk({ [path]: "clock: 7\n" });
  disk.refused.set("read", "EIO");
  const snapshot = new Recording(disk);
  snapshot.add(clock(1));
  expect(snapshot.recovered.state.clock).toBe(0);
  expect(snapshot.text).toBe("clock: 1\n");
  expect(disk.text(`${path}.unreadable-1`)).toBe("clock: 7\n");
  expect(snapshot.log.at("error")).toEqual(["snapshot could not be read"]);
});

test("a file that can be neither read nor moved is left alone", () => {
  const disk = new MemoryDisk({ [path]: "clock: 7\n" });
  disk.refused.set("read", "EACCES").set("rename", "EACCES");
  const snapshot = new Recording(disk);
  snapshot.add(clock(1));
  expect(snapshot.text).toBe("clock: 7\n");
});

test("what Serf left when it ended between removing and renaming is found", () => {
  const snapshot = new Recording(new MemoryDisk({ [`${path}.compact`]: "clock: 7\n" }));
  expect(snapshot.recovered.state.clock).toBe(7);
  expect([...snapshot.disk.files.keys()]).toEqual([path]);
});

test("what is left of a compaction counts for nothing", () => {
  const disk = new MemoryDisk({ [path]: "clock: 7\n", [`${path}.compact`]: "clock: 9" });
  expect(new Recording(disk).recovered.state.clock).toBe(7);
  expect([...disk.files.keys()]).toEqual([path]);
});

const name = fc.constantFrom("a", "b b", "\u00fc", "caf\udce9");
const record: fc.Arbitrary<SnapshotRecord> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(name, fc.integer({ min: 1, max: 99 })).map(([n, h]) => alive(n, h)),
  },
  { weight: 2, arbitrary: name.map((one) => ({ kind: "not-alive" as const, name: one })) },
  { weight: 3, arbitrary: fc.nat(100_000).map(clock) },
  { weight: 1, arbitrary: fc.constant(leave) },
);
type Step =
  | { readonly kind: "record"; readonly record: SnapshotRecord }
  | { readonly kind: "wait"; readonly millis: number }
  | { readonly kind: "room"; readonly bytes: number }
  | { readonly kind: "sync" };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: record.map((one) => ({ kind: "record" as const, record: one })) },
  { weight: 3, arbitrary: fc.nat(700).map((millis) => ({ kind: "wait" as const, millis })) },
  { weight: 1, arbitrary: fc.constant({ kind: "sync" as const }) },
);
const fullDiskStep = fc.oneof(
  { weight: 8, arbitrary: step },
  { weight: 1, arbitrary: fc.constant({ kind: "wait" as const, millis: 5_000 }) },
  { weight: 2, arbitrary: fc.nat(60).map((bytes) => ({ kind: "room" as const, bytes })) },
);

/** Runs steps on a snapshot and knows what every record adds up to. */
class Story {
  readonly snapshot: Recording;
  readonly #tally: SnapshotTally;
  /** What the file adds up to after each record; the first is what it began with. */
  readonly states: string[];
  /** So many records have to be found after the process ended; fewer after a loss of power. */
  flushed = 0;
  synced = 0;
  readonly #times: number[] = [];
  #now = 0;

  constructor(disk: MemoryDisk) {
    this.snapshot = new Recording(disk);
    this.#tally = new SnapshotTally(false, this.snapshot.recovered.state);
    this.states = [compactSnapshot(this.#tally)];
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "record":
        this.#tally.add(one.record);
        this.states.push(compactSnapshot(this.#tally));
        this.#times.push(this.#now);
        this.snapshot.add(one.record);
        if (one.record.kind === "leave") {
          this.flushed = this.#times.length;
          this.synced = this.#times.length;
        }
        return;
      case "wait":
        this.snapshot.run(one.millis);
        this.#now += one.millis;
        this.flushed = Math.max(
          this.flushed,
          this.#times.filter((time) => time + 500 <= this.#now).length,
        );
        return;
      case "room":
        this.snapshot.disk.free = one.bytes;
        return;
      case "sync":
        await this.snapshot.disk.finishSyncs();
    }
  }

  /** What a start on `disk` finds is what was recorded up to some point, `least` records or more. */
  check(disk: MemoryDisk, least: number): void {
    const { log, recovered } = new Recording(disk);
    expect(this.states.slice(least)).toContain(compactSnapshot(recovered.state));
    expect(log.at("warn").filter((line) => line.startsWith("Unrecognized"))).toEqual([]);
  }
}

/** A process that ends after so many calls to the disk, wherever that is. */
async function liveFor(life: number, beginning: string, steps: readonly Step[]): Promise<Story> {
  const story = new Story(new MemoryDisk({ [path]: beginning }));
  story.snapshot.disk.life = life;
  try {
    for (const one of steps) await story.take(one);
  } catch (error) {
    if (!(error instanceof ProcessEnded)) throw error;
  }
  return story;
}

const beginnings = fc.constantFrom("", `${longFile}alive: a 10.0.1.1:7946\nclock: 5\n`);

const lives = (check: (story: Story) => void): Promise<void> =>
  fc.assert(
    fc.asyncProperty(
      beginnings,
      fc.array(step, { maxLength: 30 }),
      fc.nat(900),
      async (beginning, steps, life) => check(await liveFor(life, beginning, steps)),
    ),
    { numRuns: 200 },
  );

test("wherever the process ends, nothing is lost that is half a second old", async () => {
  await lives((story) => story.check(story.snapshot.disk.next(), story.flushed));
});

test("wherever the power goes, the file is what it was at some point, and a leave stays", async () => {
  await lives((story) => story.check(story.snapshot.disk.next(true), story.synced));
});

test("however full the disk is, no line is torn, and with room all is there", async () => {
  await fc.assert(
    fc.asyncProperty(
      beginnings,
      fc.array(fullDiskStep, { maxLength: 40 }),
      async (beginning, steps) => {
        const story = new Story(new MemoryDisk({ [path]: beginning }));
        const { disk } = story.snapshot;
        for (const one of steps) {
          await story.take(one);
          story.check(disk.next(), 0);
        }
        disk.free = 1_000_000;
        story.snapshot.run(10_000);
        story.check(disk.next(), story.states.length - 1);
        await disk.finishSyncs();
        await story.snapshot.recovered.file?.close();
        story.check(disk.next(true), story.states.length - 1);
      },
    ),
    { numRuns: 150 },
  );
});

test("a start that ends anywhere loses nothing of a damaged file", async () => {
  const damaged = "alive: a 10.0.1.1:7946\njunk\nclock: 7\n";
  for (let life = 0; life < 120; life += 1) {
    const disk = new MemoryDisk({ [path]: damaged });
    disk.life = life;
    try {
      new Recording(disk);
    } catch (error) {
      if (!(error instanceof ProcessEnded)) throw error;
    }
    const next = new Recording(disk.next(true));
    expect(next.recovered.state).toMatchObject({ clock: 7 });
    const texts = Array.from(next.disk.files.keys(), (file) => next.disk.text(file));
    expect(texts).toContain(damaged);
  }
});

function onDisk(file: string): RecoveredSnapshot & { readonly log: RecordedLog } {
  const log = new RecordedLog();
  const surroundings = { disk: systemDisk, log, now: () => 0, schedule: () => () => {} };
  return { ...openSnapshot(file, false, surroundings), log };
}

test("on a real disk: a new file has Serf's mode, a compacted one keeps what it had", async () => {
  const directory = tempDir({ old: longFile });
  const made = join(directory, "new");
  const { file } = onDisk(made);
  file?.append(alive("a"));
  await file?.close();
  expect(statSync(made).mode & 0o777).toBe(0o644 & ~process.umask());
  expect(readFileSync(made, "utf8")).toBe("alive: a 10.0.1.1:7946\n");

  const old = join(directory, "old");
  const link = join(directory, "link");
  chmodSync(old, 0o600);
  symlinkSync(old, link);
  const through = onDisk(link);
  through.file?.append(alive("a"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  await expect.poll(() => statSync(old).size).toBeLessThan(1_000);
  await through.file?.close();
  expect(statSync(old).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).sort()).toEqual(["link", "new", "old"]);
  expect(formatAddress(onDisk(link).state.alive.get("a") as never)).toBe("10.0.1.1:7946");
});

test("on a real disk: a damaged file is kept aside", async () => {
  const directory = tempDir({ s: "clock: 7\njunk\n" });
  const { file, state } = onDisk(join(directory, "s"));
  await file?.close();
  expect(state.clock).toBe(7);
  expect(readFileSync(join(directory, "s.unreadable-1"), "utf8")).toBe("clock: 7\njunk\n");
  expect(readFileSync(join(directory, "s"), "utf8")).toBe(
    "clock: 7\nevent-clock: 0\nquery-clock: 0\n",
  );
});

test("a path that can be no snapshot is refused with its reason", () => {
  const directory = tempDir({ file: "" });
  mkdirSync(join(directory, "d"));
  const failure = (file: string) => {
    try {
      onDisk(join(directory, file));
    } catch (error) {
      if (error instanceof OperatorError) return error.message.replaceAll(directory, "");
      throw error;
    }
    return "none";
  };
  const prefix = "Error creating Serf: Failed to setup snapshot: failed to open snapshot: open ";
  expect(failure("d")).toBe(`${prefix}/d: is a directory`);
  expect(failure("no/x")).toBe(`${prefix}/no/x: no such file or directory`);
  expect(failure("file/x")).toBe(`${prefix}/file/x: not a directory`);
  expect(failure("../../dev/null")).toContain("is not a regular file");
});
