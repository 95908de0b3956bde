import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HaproxyPlace } from "./haproxy.js";

/**
 * What people drive HAProxy with from Serf's member events, as tutorials show it (Serf's own
 * web-load-balancer demo, and labs built on it): a script for each event keeps one file per backend in
 * a folder, puts the configuration together from them over the live one, and starts a new process
 * that takes over by `-sf`. Here with the proxy's settings of these tutorials as well.
 */
export class Classic {
  readonly #place: HaproxyPlace;
  readonly #pids: string;

  /** Writes the scripts beside the proxy's file. `port` is that of all web servers. */
  constructor(place: HaproxyPlace, port: number) {
    this.#place = place;
    this.#pids = join(place.folder, "pids");
    mkdirSync(join(place.folder, "nodes"), { recursive: true });
    writeFileSync(join(place.folder, "head.cfg"), classicConfig(place));
    for (const [event, action] of [
      ["join", `echo "    server $name $address:${port} check inter 2s fall 3" > nodes/$name`],
      ["gone", "rm -f nodes/$name"],
    ] as const) {
      writeFileSync(this.#script(event), scriptText(place, action), { mode: 0o755 });
    }
  }

  /** For the balancer's agent. */
  get handlers(): string[] {
    return [
      `-event-handler=member-join=${this.#script("join")}`,
      `-event-handler=member-leave,member-failed=${this.#script("gone")}`,
    ];
  }

  /** The processes that the scripts started, and that nobody else ends. */
  end(): void {
    if (!existsSync(this.#pids)) return;
    for (const pid of new Set(readFileSync(this.#pids, "utf8").split("\n").filter(Boolean))) {
      // The number may be another's by now.
      const { stdout } = spawnSync("cat", [`/proc/${pid}/cmdline`], { encoding: "utf8" });
      if (stdout.includes(this.#place.folder)) process.kill(Number(pid), "SIGKILL");
    }
  }

  #script(event: "join" | "gone"): string {
    return join(this.#place.folder, `member-${event}.sh`);
  }
}

function scriptText({ folder, config, pidFile }: HaproxyPlace, action: string): string {
  return `#!/bin/bash
cd ${folder}
while read -r name address role tags; do
  [ "$role" = web ] || continue
  ${action}
done
cat head.cfg > ${config}
cat nodes/* >> ${config} 2>/dev/null
PATH=$PATH:/usr/sbin haproxy -f ${config} -p ${pidFile} -D -sf $(cat ${pidFile})
cat ${pidFile} >> pids
`;
}

/** As in the tutorials: checks that find out in six seconds, and no second try elsewhere. */
export function classicConfig({ ip, port, statsSocket }: HaproxyPlace): string {
  return `global
    maxconn 2000
    stats socket ${statsSocket} mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend users
    bind ${ip}:${port}
    default_backend web
backend web
    balance roundrobin
    option httpchk GET /health
`;
}
