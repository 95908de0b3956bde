import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.js";
import { freePort } from "./places.js";
import { waitUntil } from "./waiting.js";

/** Where a proxy of a test has its things. */
export interface HaproxyPlace {
  readonly ip: string;
  readonly port: number;
  /** Its own temporary folder. */
  readonly folder: string;
  readonly config: string;
  readonly statsSocket: string;
  readonly masterSocket: string;
  readonly pidFile: string;
  readonly stateFile: string;
}

export interface HaproxyOptions {
  readonly ip: string;
  /** The text of its file; the default is {@link recommendedConfig}. */
  readonly text?: (place: HaproxyPlace) => string;
  /** `master`: with a master process and its socket. `single`: for those who reload by `-sf`. */
  readonly processes?: "master" | "single";
  /** See {@link Child}. */
  readonly within?: readonly string[];
}

/** What the master says of itself. */
export interface MasterState {
  readonly reloads: number;
  /** Failed reloads since the last that went well. */
  readonly failed: number;
  /** Process ids: the one that serves, and those that only finish. */
  readonly worker: number;
  readonly lingering: readonly number[];
}

/** A server line as the runtime socket tells it. */
export interface RuntimeServer {
  readonly pool: string;
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly state: "ready" | "drain" | "maint";
  /** What the proxy's checks say. */
  readonly up: boolean;
}

/** A real HAProxy, on a port and in a folder of its own. */
export class Haproxy {
  readonly place: HaproxyPlace;
  readonly #options: HaproxyOptions;
  #child: Child | undefined;

  private constructor(options: HaproxyOptions, place: HaproxyPlace) {
    this.#options = options;
    this.place = place;
  }

  /** Writes its file and starts it, until it listens. */
  static async start(options: HaproxyOptions): Promise<Haproxy> {
    const haproxy = await Haproxy.prepare(options);
    await haproxy.run();
    return haproxy;
  }

  /** Only writes the file. */
  static async prepare(options: HaproxyOptions): Promise<Haproxy> {
    const { ip, text = recommendedConfig } = options;
    const folder = mkdtempSync(join(tmpdir(), "gossipd-haproxy-"));
    const place = {
      ip,
      // On a machine of its own all ports are free.
      port: (options.within ?? []).length === 0 ? await freePort(ip) : 8_000,
      folder,
      config: join(folder, "haproxy.cfg"),
      statsSocket: join(folder, "stats.sock"),
      masterSocket: join(folder, "master.sock"),
      pidFile: join(folder, "haproxy.pid"),
      stateFile: join(folder, "state"),
    };
    writeFileSync(place.config, text(place));
    return new Haproxy(options, place);
  }

  /** Starts it from the file as it is now. */
  async run(): Promise<void> {
    const { config, masterSocket, pidFile, statsSocket } = this.place;
    const { processes = "master", within = [] } = this.#options;
    const own = processes === "master" ? ["-W", "-S", `${masterSocket},mode,600`] : ["-db"];
    const child = new Child("haproxy", ["haproxy", ...own, "-p", pidFile, "-f", config], {
      within,
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    this.#child = child;
    // In the foreground it writes none.
    if (processes === "single") writeFileSync(pidFile, `${child.pid}\n`);
    const answers = async (): Promise<boolean> =>
      (await ask(statsSocket, "show info").catch(() => "")).includes("Pid:") &&
      // The worker may be faster than its master.
      (processes === "single" ||
        (await ask(masterSocket, "show proc").catch(() => "")).includes("worker"));
    await child.becomes("answers on its socket", answers);
  }

  get target(): { readonly host: string; readonly port: number } {
    return { host: this.place.ip, port: this.place.port };
  }

  /** The process that was started: the master, if there is one. */
  get child(): Child {
    if (this.#child === undefined) throw new Error("haproxy was not started");
    return this.#child;
  }

  /** What the runtime socket answers, on a connection of its own: an old one may lead to an old worker. */
  ask(command: string): Promise<string> {
    return ask(this.place.statsSocket, command);
  }

  /** The servers as they are, in the order of the file. */
  async servers(): Promise<RuntimeServer[]> {
    return readServersState(await this.ask("show servers state"));
  }

  async master(): Promise<MasterState> {
    let text = "";
    // While it takes itself over in a reload it refuses.
    await waitUntil("the master answers", async () => {
      text = await ask(this.place.masterSocket, "show proc").catch(() => "");
      return text !== "";
    });
    return readMaster(text);
  }

  /** Who reloaded by `-sf` is nobody's child. */
  #endSuccessor(): void {
    const { config, pidFile } = this.place;
    for (const pid of readIfThere(pidFile)
      .split(/\s+/)
      .filter((text) => text !== "")) {
      // The number may be another program's by now.
      if (readIfThere(`/proc/${pid}/cmdline`).includes(config)) process.kill(Number(pid));
    }
  }

  async end(): Promise<void> {
    // Its workers end with the master, short of a SIGKILL.
    await this.#child?.stop(3_000);
    if (this.#options.processes === "single") this.#endSuccessor();
    rmSync(this.place.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A server with the address and port of `place` or not in use: what a slot has that is free. */
export function inService({ state }: RuntimeServer): boolean {
  return state !== "maint";
}

/** `show servers state`: its columns are named in the second line. */
function readServersState(text: string): RuntimeServer[] {
  const lines = text.split("\n");
  const names = (lines.find((line) => line.startsWith("# ")) ?? "").slice(2).split(" ");
  const rows = lines.filter((line) => /^\d+ /.test(line)).map((line) => line.split(" "));
  return rows.map((cells) => {
    const cell = (name: string): string => cells[names.indexOf(name)] ?? "";
    const admin = Number(cell("srv_admin_state"));
    return {
      pool: cell("be_name"),
      name: cell("srv_name"),
      ip: cell("srv_addr"),
      port: Number(cell("srv_port")),
      weight: Number(cell("srv_uweight")),
      // The bits of all kinds of maintenance (that of where it comes from left out), and of drain.
      state: (admin & 0x63) !== 0 ? "maint" : (admin & 0x18) !== 0 ? "drain" : "ready",
      up: cell("srv_op_state") !== "0",
    };
  });
}

/** The master's `show proc`. */
export function readMaster(text: string): MasterState {
  const [, reloads = "0", failed = "0"] = /\bmaster\s+(\d+) \[failed: (\d+)\]/.exec(text) ?? [];
  const [, workers = "", old = ""] =
    /# workers\n([\s\S]*?)(?:# old workers\n([\s\S]*?))?(?:# programs|$)/.exec(text) ?? [];
  const pids = (part: string): number[] =>
    [...part.matchAll(/^(\d+)\s+worker/gm)].map(([, pid]) => Number(pid));
  return {
    reloads: Number(reloads),
    failed: Number(failed),
    worker: pids(workers)[0] ?? 0,
    lingering: pids(old),
  };
}

/** What every configuration of ours has (loadbalancer.md 5.1), with one pool `web` in marker mode. */
export function recommendedConfig(place: HaproxyPlace): string {
  return `${globalSection(place)}
${defaultsSection}
frontend users
    bind ${place.ip}:${place.port}
    http-request disable-l7-retry unless { method GET HEAD OPTIONS }
    default_backend web

backend web
    balance roundrobin
    option httpchk GET /health
    default-server check inter 1s fastinter 250ms downinter 1s fall 2 rise 1 weight 100
    default-server on-marked-down shutdown-sessions observe layer4 error-limit 3 on-error fastinter
    # gossipd begin web
    # gossipd end web
`;
}

export function globalSection({ statsSocket, stateFile }: HaproxyPlace): string {
  return `global
    maxconn 2000
    nbthread 2
    stats socket ${statsSocket} mode 600 level admin expose-fd listeners
    stats timeout 2m
    server-state-file ${stateFile}
    hard-stop-after 30s
    mworker-max-reloads 20
`;
}

export const defaultsSection = `defaults
    mode http
    load-server-state-from-file global
    timeout connect 1s
    timeout check 500ms
    timeout client 30s
    timeout server 30s
    timeout queue 5s
    timeout http-request 10s
    timeout http-keep-alive 10s
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response 0rtt-rejected
    option idle-close-on-response
`;

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** One command, one connection, the whole answer. */
export function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    // A master answers and then waits for our end of the connection to be closed.
    const socket = connect({ path, allowHalfOpen: true }, () => socket.end(`${command}\n`));
    socket.setTimeout(5_000, () => socket.destroy(new Error(`${path}: no answer to ${command}`)));
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    socket.once("error", reject);
    socket.once("end", () => resolve(text));
    socket.once("close", () => resolve(text));
  });
}

/** Waits until exactly the servers at these addresses (`ip:port`) are in service and found well. */
export async function serves(
  haproxy: Haproxy,
  addresses: readonly string[],
  options: { readonly timeout?: number; readonly every?: number } = {},
): Promise<number> {
  let seen: string[] = [];
  const wanted = [...addresses].sort().join();
  return await waitUntil(
    `haproxy serves ${wanted}`,
    async () => {
      const servers = await haproxy.servers();
      seen = servers
        .filter(inService)
        .map(({ ip, port, state }) =>
          state === "ready" ? `${ip}:${port}` : `${ip}:${port} ${state}`,
        );
      return seen.sort().join() === wanted;
    },
    { ...options, last: () => seen },
  );
}
