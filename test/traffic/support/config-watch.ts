import { spawnSync } from "node:child_process";
import { type FSWatcher, readFileSync, watch, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Looks at every content that a configuration file ever has, and has the proxy's checker look too. */
export class ConfigWatch {
  readonly #file: string;
  readonly #watcher: FSWatcher;
  readonly #seen = new Set<string>();
  /** What the checker said of contents that it refused. */
  readonly faults: string[] = [];

  constructor(file: string) {
    this.#file = file;
    this.#look();
    const name = basename(file);
    this.#watcher = watch(dirname(file), (_, changed) => {
      if (changed === name) this.#look();
    });
  }

  /** Different contents so far. */
  get count(): number {
    return this.#seen.size;
  }

  /** Has all contents checked, now that there is time. */
  end(): void {
    this.#watcher.close();
    const copy = join(dirname(this.#file), "watched.cfg");
    for (const text of this.#seen) {
      writeFileSync(copy, text);
      const { status, stderr, error } = spawnSync("haproxy", ["-c", "-f", copy], {
        encoding: "utf8",
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      });
      if (error !== undefined) throw error;
      if (status !== 0) this.faults.push(`${stderr}\n${text}`);
    }
  }

  #look(): void {
    try {
      this.#seen.add(readFileSync(this.#file, "utf8"));
    } catch (error) {
      // Between the moments of a rename there is always a file.
      this.faults.push(`no file: ${(error as Error).message}`);
    }
  }
}
