import { type ChildProcess, spawn } from "node:child_process";
import type { GroupWatcher } from "./application.js";

/**
 * Reads the process group of the application, each time that it is another one (0: there is none), and
 * ends the last of them when nobody writes any more: then the agent is gone, however it died. Signals
 * that are meant for all of a session or a service leave it be.
 */
const script = `trap '' HUP INT QUIT TERM USR1 USR2
group=0
while read -r next; do group=$next; done
[ "$group" -gt 1 ] || exit 0
kill -s TERM -- "-$group" 2>/dev/null || exit 0
left=20
while [ "$left" -gt 0 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
kill -s KILL -- "-$group" 2>/dev/null
exit 0`;

/** A shell that ends the application should we die without having done so. */
export class Guard {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawn("/bin/sh", ["-c", script, "gossipd-guard"], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    this.#child.unref();
    // An image without a shell has no guard; one that was killed hears nothing.
    this.#child.on("error", () => {});
    this.#child.stdin?.on("error", () => {});
  }

  readonly watch: GroupWatcher = (group) => {
    this.#child.stdin?.write(`${group}\n`);
  };

  /** What is watched then is left alone. */
  end(): void {
    this.watch(0);
    this.#child.stdin?.end();
  }
}
