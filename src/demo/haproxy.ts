import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Children } from "./children.js";
import { type Listen, type LoadBalancer, startBound } from "./load-balancer.js";
import { untilReady } from "./patience.js";
import { packageRoot, quote, type Workshop } from "./workshop.js";

/** Starts the HAProxy at `program`, master and worker, from a configuration of the demo's own. */
export async function startHaproxy(
  program: string,
  children: Children,
  workshop: Workshop,
  listen: Listen,
): Promise<LoadBalancer> {
  const config = workshop.file("haproxy.cfg");
  const stats = workshop.file("stats.sock");
  const master = workshop.file("master.sock");
  const pidFile = workshop.file("haproxy.pid");
  writeFileSync(config, configuration(listen, stats));
  // The handler reloads by the master socket, which takes socat, or by a signal to the master.
  const socket = workshop.find("socat") === undefined ? [] : ["-S", `${master},mode,600`];
  const args = ["-W", "-f", config, "-p", pidFile, ...socket];
  const child = children.start("haproxy", program, args, { env: { PATH: workshop.path } });
  await untilReady(child, () => existsSync(stats) && existsSync(pidFile), startBound);
  return {
    title: `HAProxy ${versionOf(program)}`,
    handler: {
      command: `*=${quote(join(packageRoot, "handlers", "haproxy.sh"))}`,
      env: {
        HAPROXY_CFG: config,
        HAPROXY_SERVER_OPTIONS: "check",
        HAPROXY_MASTER_SOCKET: master,
        HAPROXY_PID_FILE: pidFile,
      },
    },
    written: config,
    served: async () => {
      const text = await askSocket(stats, "show servers state web");
      return text === undefined ? undefined : readServersState(text);
    },
  };
}

/**
 * The usable servers of a `show servers state`: its columns are named in the second line. A server
 * that the checks found down is there, but it is not what a settled balancer has: it is marked.
 */
export function readServersState(text: string): string[] {
  const lines = text.split("\n");
  const names = (lines.find((line) => line.startsWith("# ")) ?? "").slice(2).split(" ");
  const servers = lines.filter((line) => /^\d+ /.test(line)).map((line) => line.split(" "));
  return servers.flatMap((cells) => {
    const cell = (name: string) => cells[names.indexOf(name)] ?? "";
    const address = `${cell("srv_addr")}:${cell("srv_port")}`;
    if (cell("srv_admin_state") !== "0") return [];
    return cell("srv_op_state") === "0" ? [`${address} (down)`] : [address];
  });
}

/** What makes reloads and crashes harmless: see the comments. The handler owns the marked lines. */
function configuration({ ip, port }: Listen, stats: string): string {
  return `global
  stats socket ${stats} mode 600 level admin expose-fd listeners
  hard-stop-after 30s
  maxconn 1000

defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout queue 5s
  timeout check 500ms
  timeout http-request 5s
  timeout http-keep-alive 10s
  # A reload closes no connection on which the next request may already be under way.
  option idle-close-on-response
  # A request that a dead server never got goes to another one.
  retries 3
  retry-on conn-failure empty-response
  option redispatch 1

frontend users
  bind ${ip}:${port}
  # What a server may have begun is repeated only if that does no harm.
  http-request disable-l7-retry unless METH_GET
  default_backend web

backend web
  balance roundrobin
  option httpchk GET /
  default-server inter 1s fastinter 250ms downinter 1s fall 2 rise 1 on-marked-down shutdown-sessions
  # gossipd begin
  # gossipd end
`;
}

function versionOf(program: string): string {
  const text = execFileSync(program, ["-v"], { encoding: "utf8" });
  return /version (\d[\d.]*)/.exec(text)?.[1] ?? "";
}

/** The answer of a stats socket, on a connection of its own: an old one may lead to an old worker. */
function askSocket(path: string, command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(path, () => socket.end(`${command}\n`));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    socket.once("error", () => resolve(undefined));
    socket.once("end", () => resolve(text));
    socket.once("close", () => resolve(undefined));
  });
}
