import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";

/** Small programs that are made to be a container's first process; all of them take `-- PROGRAM ARGS...`. */
const inits = [
  join(dirname(process.execPath), "tini"),
  "/usr/bin/tini-static",
  "/usr/bin/tini",
  "/sbin/tini",
  "/usr/bin/catatonit",
  "/usr/bin/dumb-init",
];

/**
 * The same in the shell's words. What runs in the background has no standard input of its own there
 * unless it is given one; `wait` ends with each signal, and reaps whoever has ended meanwhile.
 */
const shellInit = `"$@" <&0 &
child=$!
for signal in HUP INT QUIT USR1 USR2 ALRM TERM CONT WINCH; do
  trap "kill -s $signal $child 2>/dev/null" "$signal"
done
while :; do
  wait "$child"
  status=$?
  kill -s 0 "$child" 2>/dev/null || break
done
exit "$status"`;

/**
 * The first process of a container inherits all that lose their parents there, and Node.js waits for none
 * but its own children: they would stay as zombies. So where we are the first, another takes our place
 * and starts us again.
 */
export function leavePidOne(warn: (text: string) => void): void {
  if (process.pid !== 1 || process.platform !== "linux") return;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const init = inits.find(isExecutable);
  const [program, args] =
    init === undefined
      ? ["/bin/sh", ["sh", "-c", shellInit, "gossipd-init", ...self]]
      : [init, [init, "--", ...self]];
  // Node.js has this from 22.15 on.
  const { execve } = process as { execve?: (file: string, args: readonly string[]) => never };
  if (execve !== undefined && isExecutable(program as string)) {
    execve.call(process, program as string, args as string[]);
  }
  warn(
    "==> Warning: nobody reaps zombies here, as this is process 1 of its container: start it with an init such as tini, or by docker run --init\n",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
