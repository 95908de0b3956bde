import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import { VirtualDisk } from "../../src/sim/disk.js";

const random = (): SeededRandom => new SeededRandom(1, 1);
const clock = (ltime: number) => ({ kind: "clock", ltime }) as const;

test("the first line is written at once, those that follow together half a second later", () => {
  const disk = new VirtualDisk();
  expect(disk.append(1_000, clock(1))).toBeUndefined();
  expect(disk.append(1_100, clock(2))).toBe(1_500);
  expect(disk.append(1_200, clock(3))).toBeUndefined();
  disk.flush(1_500);
  disk.end("kept", random());
  expect(disk.recover().clock).toBe(3);
});

test("what was not written is gone with the process, a leave is written at once", () => {
  const disk = new VirtualDisk();
  disk.append(0, clock(1));
  disk.append(10, clock(2));
  disk.end("kept", random());
  expect(disk.recover().clock).toBe(1);
  disk.append(20, {
    kind: "alive",
    name: "x",
    address: { ip: Uint8Array.of(10, 0, 0, 1), port: 1 },
  });
  disk.append(30, { kind: "leave" });
  disk.end("kept", random());
  expect(disk.recover()).toMatchObject({ alive: new Map(), clock: 0, unknown: [] });
});

test("a power failure takes some of the last write or none, and no more", () => {
  const clocks = new Set<number>();
  for (let seed = 0; seed < 50; seed += 1) {
    const disk = new VirtualDisk();
    disk.append(0, clock(1));
    for (const ltime of [22, 33, 44]) disk.append(10, clock(ltime));
    disk.flush(500);
    disk.end("torn", new SeededRandom(seed));
    const replay = disk.recover();
    expect(replay.unknown).toEqual([]);
    clocks.add(replay.clock);
    disk.append(1_000, clock(55));
    disk.end("kept", random());
    expect(disk.recover()).toMatchObject({ clock: 55, unknown: [] });
  }
  expect([...clocks].toSorted((one, other) => one - other)).toEqual([1, 22, 33, 44]);
});

test("a lost disk is empty, and a long one is written anew", () => {
  const disk = new VirtualDisk();
  for (let ltime = 1; ltime <= 20_000; ltime += 1) disk.append(1_000 * ltime, clock(ltime));
  expect(disk.recover()).toMatchObject({ clock: 20_000, unknown: [] });
  disk.end("lost", random());
  expect(disk.recover().clock).toBe(0);
});
