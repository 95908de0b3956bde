import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

function run(...argv: [string, ...string[]]): boolean {
  const [program, ...args] = argv;
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Whether this process may mount; says so if not, as the tests that need it are left out. */
export function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-mount-"));
  try {
    const mounted = run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder);
    if (mounted) run("umount", folder);
    else
      process.stderr.write("tests of full and read-only disks are left out: no right to mount\n");
    return mounted;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A small disk of the running test. */
export function smallDisk(sizeKb: number): string {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-disk-"));
  if (!run("mount", "-t", "tmpfs", "-o", `size=${sizeKb}k`, "tmpfs", folder)) {
    throw new Error("cannot mount a small disk");
  }
  onTestFinished(() => {
    run("umount", "-l", folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Makes `target`, which has to be there, another name of `source`, as containers do with single files. */
export function bind(source: string, target: string): void {
  if (!run("mount", "--bind", source, target)) throw new Error(`cannot bind ${target}`);
  onTestFinished(() => void run("umount", "-l", target));
}

export function remount(folder: string, how: "ro" | "rw"): void {
  if (!run("mount", "-o", `remount,${how}`, folder)) throw new Error(`cannot remount ${folder}`);
}
