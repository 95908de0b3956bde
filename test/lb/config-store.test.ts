import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { ConfigStore } from "../../src/lb/config-store.js";
import type { Disk } from "../../src/lb/disk.js";
import { tempDir } from "../agent/temp-dir.js";
import { Crash, type Faults, FaultyDisk } from "./faulty-disk.js";

interface Place {
  readonly file: string;
  readonly folder: string;
  open(disk?: Disk): Promise<ConfigStore>;
  text(): string;
}

function place(text: string | undefined = "old\n", backups = 3): Place {
  const root = tempDir();
  const [etc, folder] = [join(root, "etc"), join(root, "state")];
  mkdirSync(etc);
  const file = join(etc, "proxy.cfg");
  if (text !== undefined) writeFileSync(file, text);
  return {
    file,
    folder,
    open: (disk) => ConfigStore.open({ file, folder, backups, ...(disk && { disk }) }),
    text: () => readFileSync(file, "utf8"),
  };
}

async function replace(store: ConfigStore, text: string): Promise<void> {
  await store.read();
  await store.stage(text);
  await store.commit();
}

test("a file is replaced by one of the same owner and mode, and nothing else is left beside it", async () => {
  const { file, open, text } = place();
  chmodSync(file, 0o640);
  if (process.getuid?.() === 0) chownSync(file, 65_534, 65_534);
  const before = statSync(file);
  const store = await open();
  expect(await store.read()).toBe("old\n");
  const staged = await store.stage("new\n");
  expect(readFileSync(staged, "utf8")).toBe("new\n");
  expect(staged).toMatch(/\/etc\/\.proxy\.cfg\.gossipd-staged$/);
  expect(text()).toBe("old\n");
  await store.commit();
  expect(text()).toBe("new\n");
  const { mode, uid, gid, ino } = statSync(file);
  expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
  expect(ino).not.toBe(before.ino);
  expect(readdirSync(join(file, ".."))).toEqual(["proxy.cfg"]);
});

test("a file that is not there yet is made for its owner alone", async () => {
  const root = tempDir();
  const file = join(root, "new.cfg");
  const store = await ConfigStore.open({ file, folder: join(root, "state"), backups: 3 });
  expect(await store.read()).toBeUndefined();
  await replace(store, "new\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8")).toBe("new\n");
});

test("a link stays, and the file behind it is replaced", async () => {
  const { file, folder } = place();
  const link = join(tempDir(), "link.cfg");
  symlinkSync(file, link);
  const store = await ConfigStore.open({ file: link, folder, backups: 3 });
  await replace(store, "new\n");
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, "utf8")).toBe("new\n");
});

test("what is staged and not wanted is removed, and so is what a crash left", async () => {
  const { file, open } = place();
  const store = await open();
  await store.read();
  const staged = await store.stage("new\n");
  await store.discard();
  expect(existsSync(staged)).toBe(false);
  await store.stage("newer\n");
  await open();
  expect(readdirSync(join(file, ".."))).toEqual(["proxy.cfg"]);
});

describe("going back", () => {
  test("gives the last content that was confirmed, also after a restart", async () => {
    const { open, text } = place();
    const store = await open();
    await replace(store, "good\n");
    await store.confirm();
    await replace(store, "bad 1\n");
    await replace(store, "bad 2\n");
    const next = await open();
    expect(next.lastGood()).toBe("good\n");
    expect(await next.restore()).toBe("good\n");
    expect(text()).toBe("good\n");
  });

  test("gives what was found at first if nothing was confirmed yet", async () => {
    const { open, text } = place();
    const store = await open();
    expect(store.lastGood()).toBeUndefined();
    for (const text of ["bad 1\n", "bad 2\n", "bad 3\n", "bad 4\n", "bad 5\n"])
      await replace(store, text);
    expect(await store.restore()).toBe("old\n");
    expect(text()).toBe("old\n");
  });

  test("keeps what somebody else wrote meanwhile", async () => {
    const { open, file, folder } = place();
    const store = await open();
    await replace(store, "good\n");
    await store.confirm();
    writeFileSync(file, "by hand\n");
    await store.restore();
    const kept = readdirSync(join(folder, "backups")).map((name) =>
      readFileSync(join(folder, "backups", name), "utf8"),
    );
    expect(kept).toContain("by hand\n");
  });
});

test("as many earlier contents are kept as wanted, and always the last good one", async () => {
  const { open, folder } = place("0", 2);
  const store = await open();
  await store.read();
  await store.confirm();
  for (const text of ["1", "2", "3", "4"]) await replace(store, text);
  const backups = join(folder, "backups");
  const kept = (): string[] =>
    readdirSync(backups).map((name) => readFileSync(join(backups, name), "utf8"));
  expect(kept()).toEqual(["0", "2", "3"]);
  await store.confirm();
  expect(kept()).toEqual(["3", "4"]);
});

test("what somebody else changes between reading and writing is not overwritten", async () => {
  const { open, file, text } = place();
  const store = await open();
  await store.read();
  await store.stage("new\n");
  writeFileSync(file, "by hand\n");
  await expect(store.commit()).rejects.toThrow(/was changed by somebody else just now/);
  expect(text()).toBe("by hand\n");
  await replace(store, "new\n");
  expect(text()).toBe("new\n");
});

test("bytes that are no UTF-8 stay as they are", async () => {
  const { open, file } = place();
  const foreign = Buffer.from([0x23, 0xfc, 0xff, 0x0d, 0x0a]);
  writeFileSync(file, foreign);
  const store = await open();
  const text = (await store.read()) ?? "";
  await store.stage(`${text}server\n`);
  await store.commit();
  expect(readFileSync(file)).toEqual(Buffer.concat([foreign, Buffer.from("server\n")]));
  await replace(store, "other\n");
  await store.restore();
  expect(readFileSync(file)).toEqual(foreign);
});

test("a folder, or a pipe, is no configuration file", async () => {
  const root = tempDir();
  const store = await ConfigStore.open({ file: root, folder: join(root, "state"), backups: 1 });
  await expect(store.read()).rejects.toThrow(`${root} is not an ordinary file`);
});

/** One round as it is in life. Gives the error if there was one. */
async function round(store: ConfigStore, text: string): Promise<unknown> {
  try {
    await replace(store, text);
    await store.confirm();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Steps of a round without a fault. */
async function stepsOfRound(pinned: boolean): Promise<{ opening: number; all: number }> {
  const { file, open } = place();
  const disk = new FaultyDisk({ at: 0, kind: "ENOSPC", ...(pinned && { pinned: file }) });
  const store = await open(disk);
  const opening = disk.steps;
  expect(await round(store, "new and longer\n")).toBeUndefined();
  return { opening, all: disk.steps };
}

describe.for([
  // Each step is one run with a real disk, which others may keep busy.
  { how: "by another file", pinned: false },
  { how: "in place", pinned: true },
])("a file that is replaced $how", { timeout: 90_000 }, ({ pinned }) => {
  test.for(pinned ? ["new and longer\n", "n\n"] : ["new\n"])(
    "is whole after a crash at any step (%j)",
    async (next) => {
      const { all } = await stepsOfRound(pinned);
      for (let at = 1; at <= all; at += 1) {
        const { file, open, text } = place();
        const faults: Faults = { at, kind: "crash", ...(pinned && { pinned: file }) };
        const opened = await open(new FaultyDisk(faults)).catch((error: unknown) => error);
        if (opened instanceof ConfigStore) {
          const error = await round(opened, next);
          if (error !== undefined) expect(error, `step ${at}`).toBeInstanceOf(Crash);
        }
        if (!pinned) expect(["old\n", next], `step ${at}`).toContain(text());
        const second = new FaultyDisk({ at: 0, kind: "ENOSPC", ...(pinned && { pinned: file }) });
        const store = await open(second);
        expect(["old\n", next], `step ${at}`).toContain(text());
        expect(readdirSync(join(file, "..")), `step ${at}`).toEqual(["proxy.cfg"]);
        expect(["old\n", next, undefined], `step ${at}`).toContain(store.lastGood());
        expect(await round(store, "newest\n"), `step ${at}`).toBeUndefined();
        expect(store.lastGood()).toBe("newest\n");
        expect(text()).toBe("newest\n");
      }
    },
  );

  test("is whole after an error of the disk at any step", async () => {
    const { opening, all } = await stepsOfRound(pinned);
    for (let at = opening + 1; at <= all; at += 1) {
      const { file, open, text } = place();
      const disk = new FaultyDisk({ at, kind: "ENOSPC", ...(pinned && { pinned: file }) });
      const store = await open(disk);
      const error = await round(store, "new and longer\n");
      // Some steps may fail: to remove what is not there, to sync a folder.
      if (error !== undefined) expect(error, `step ${at}`).toBeInstanceOf(OperatorError);
      expect(["old\n", "new and longer\n"], `step ${at}`).toContain(text());
      if (error === undefined) expect(text(), `step ${at}`).toBe("new and longer\n");
      expect(await round(store, "newest\n"), `step ${at}`).toBeUndefined();
      expect(text()).toBe("newest\n");
      expect(readdirSync(join(file, "..")), `step ${at}`).toEqual(["proxy.cfg"]);
    }
  });
});

test("through any number of crashes the file is always one that was meant to be", {
  timeout: 90_000,
}, async () => {
  const life = fc.record({ at: fc.integer({ min: 1, max: 60 }), pinned: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 6 }), async (lives) => {
      const { file, open, text } = place();
      const meant = new Set(["old\n"]);
      for (const [index, { at, pinned }] of lives.entries()) {
        const disk = new FaultyDisk({ at, kind: "crash", ...(pinned && { pinned: file }) });
        const store = await open(disk).catch(() => undefined);
        if (store === undefined) continue;
        for (const part of ["a", "b".repeat(50), "c"]) {
          meant.add(`${part}${index}\n`);
          if ((await round(store, `${part}${index}\n`)) !== undefined) break;
        }
      }
      const store = await open();
      expect(meant).toContain(await store.read());
      expect(meant).toContain(text());
    }),
    { seed: 1, numRuns: 40 },
  );
});
