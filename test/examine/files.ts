import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Finding } from "../../src/examine/finding.js";

/** A folder of the test. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "gossipd-doctor-"));

  constructor() {
    onTestFinished(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Writes a file, and the folders above it; executable unless `mode` says otherwise. */
  file(name: string, text: string | Uint8Array, mode = 0o755): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  folder(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }
}

/** `result: found` of each. */
export function told(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ found, result }) => `${result}: ${found}`);
}

/** All that is said of faults, for those who look for words in it. */
export function words(findings: readonly Finding[]): string {
  const faults = findings.filter(({ result }) => result === "fail" || result === "warn");
  return faults
    .map(({ about, cause, found, remedy }) => [about, found, cause, ...remedy].join("\n"))
    .join("\n\n");
}
