import { spawnSync } from "node:child_process";
import { type FSWatcher, readFileSync, watch, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The command that checks a copy of a file of HAProxy. */
function haproxyCheck(copy: string): readonly [string, ...string[]] {
  return ["haproxy", "-c", "-f", copy];
}

/** Looks at every content that a configuration file ever has, and has the proxy's checker look too. */
export class ConfigWatch {
  readonly #file: string;
  readonly #check: typeof haproxyCheck;
  readonly #watcher: FSWatcher;
  readonly #seen = new Set<string>();
  /** What the checker said of contents that it refused. */
  readonly faults: string[] = [];

  /** `check`: the checker's command for a copy of the file. */
  constructor(file: string, check = haproxyCheck) {
    this.#file = file;
    this.#check = check;
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

  /** All contents so far. */
  get texts(): readonly string[] {
    return [...this.#seen];
  }

  /** Has all contents checked, now that there is time. */
  end(): void {
    this.#watcher.close();
    const copy = join(dirname(this.#file), "watched.cfg");
    for (const text of this.#seen) {
      writeFileSync(copy, text);
      const [program, ...args] = this.#check(copy);
      const { status, stderr, error } = spawnSync(program, args, {
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
