import type { Millis } from "../base/units.js";
import type { Selector } from "./selector.js";

/** What the section `load_balancer`, or the file of `-lb`, says; with defaults and checked. */
export interface LbConfig {
  /** Where the last good files, notes and the status are kept; made with mode 0700. */
  readonly stateDir: string;
  /** How often everything is compared even if nothing happened. */
  readonly interval: Millis;
  /** How often the proxy is asked whether it still is the one that it was. */
  readonly watchInterval: Millis;
  /** After a start nothing is written before the view stood still for so long. */
  readonly settleTime: Millis;
  /** ... or at the latest then, if it has joined. */
  readonly settleLimit: Millis;
  /** A file of keepalived's `track_file`, told what this node is worth; undefined: none. */
  readonly trackFile: string | undefined;
  /** An address that moves between the balancers of the cluster; undefined: none. */
  readonly virtualIp: VirtualIpConfig | undefined;
  readonly balancers: readonly BalancerConfig[];
}

/** An address that one of several balancers has, elected by gossip. */
export interface VirtualIpConfig {
  /** IPv4 with its prefix: `192.0.2.10/24`. */
  readonly address: string;
  /** undefined: the one whose network it fits into. */
  readonly interface: string | undefined;
  /** Where the proxy serves on it, and on the machine's own address. */
  readonly port: number;
  /** undefined: a TCP connection is enough. */
  readonly checkPath: string | undefined;
  readonly checkInterval: Millis;
  readonly checkTimeout: Millis;
  /** After a first loss; doubled by each further one. */
  readonly holdDown: Millis;
}

/** The address without its prefix. */
export function ipOf({ address }: Pick<VirtualIpConfig, "address">): string {
  return address.split("/")[0] ?? address;
}

/** One file of one proxy. */
export interface BalancerConfig {
  /** Unique in the file; what status, log and other members call it. */
  readonly name: string;
  /** The proxy's configuration file; key `config`. */
  readonly file: string;
  /** A LiquidJS template for the whole file; undefined: only what is between the markers is ours. */
  readonly template: string | undefined;
  readonly proxy: ProxyConfig;
  /** At least one. */
  readonly pools: readonly PoolConfig[];
  readonly governor: GovernorConfig;
  readonly guard: GuardConfig;
  readonly damping: DampingConfig | undefined;
  /** Limits of programs that are run: the checker, and what reloads. */
  readonly checkTimeout: Millis;
  readonly reloadTimeout: Millis;
  /** Write and apply nothing, only say what would be done. */
  readonly dryRun: boolean;
  /** How many earlier good files are kept. */
  readonly backups: number;
}

export type ProxyConfig = HaproxyConfig | NginxConfig | CommandConfig;

export interface HaproxyConfig {
  readonly kind: "haproxy";
  /** The program, for its checker: a path, or a name to be found in the PATH. */
  readonly binary: string;
  /** The runtime socket with level admin; undefined: the `stats socket` of the file. */
  readonly socket: string | undefined;
  /** The socket of the master process (`-S`); undefined: none, reload by {@link pidFile}. */
  readonly masterSocket: string | undefined;
  /** The master's process id, to reload by SIGUSR2 when there is no master socket. */
  readonly pidFile: string | undefined;
  /** `slots`: members come and go in pre-declared servers. `dynamic`: by `add server`. `reload`: without a runtime socket. */
  readonly mode: "auto" | "slots" | "dynamic" | "reload";
  /** Free slots at first, and how many more when they run out. */
  readonly slots: number;
  /** Where the state of servers is kept over a reload; undefined: the `server-state-file` of the file. */
  readonly stateFile: string | undefined;
  /** Whether a change of `bind` lines may be loaded at all. */
  readonly allowBindChanges: boolean;
  readonly socketTimeout: Millis;
}

export interface NginxConfig {
  readonly kind: "nginx";
  readonly binary: string;
  /** The main file for `-t` and `-c`, if {@link BalancerConfig.file} is only included by it. */
  readonly mainFile: string | undefined;
  /** The master's process id; undefined: the `pid` of the main file. */
  readonly pidFile: string | undefined;
  /** The URL of the generation location (`http://127.0.0.1:8081/generation`); undefined: none. */
  readonly generation: string | undefined;
}

/** Any other program: a file is rendered, checked and loaded by commands. Arguments, no shell. */
export interface CommandConfig {
  readonly kind: "command";
  /** `%f` stands for the staged file. */
  readonly check: readonly string[] | undefined;
  readonly reload: readonly string[];
  /** Ends with 0 if the new state is served. */
  readonly confirm: readonly string[] | undefined;
  /** A line of a server in marker mode: `%n %a %p %w` are node, address, port, weight; `%h` is address:port. */
  readonly line: string;
  /** What stands there when there is no server. */
  readonly emptyLine: string;
}

export interface PoolConfig {
  /** Unique in the balancer; names its markers. */
  readonly name: string;
  readonly select: Selector;
  /** For members without the port tag; undefined: those are refused. */
  readonly port: number | undefined;
  readonly portTag: string;
  /** A tag with the address of the service, if it is not the member's. */
  readonly addressTag: string;
  /** 0 to 256, for members without the weight tag. */
  readonly weight: number;
  readonly weightTag: string;
  /** Members without one of these, or with one that a template may not print, are refused. */
  readonly requiredTags: readonly string[];
  /** Whether the balancer's own member may be a server. */
  readonly includeSelf: boolean;
  /** More are refused, the last by name first. */
  readonly maxServers: number;
  /** At most one server is ready: the one with the highest number in this tag; undefined: any number. */
  readonly exclusive:
    | { readonly epochTag: string; readonly noPrimary: "hold" | "refuse" }
    | undefined;
  /** What follows address and weight on each server line, as it is: `check inter 1s`. */
  readonly serverOptions: string;
  readonly onSuspect: "drain" | "weight" | "out" | "none";
  /** Share of the pool, 0 to 1, that suspicion may take out; one server is always left. */
  readonly maxSuspects: number;
  /** Suspicion and failure count only if the service does not answer either; undefined: they count alone. */
  readonly probe: ProbeConfig | undefined;
  /** Requests under way on a draining server are ended then. */
  readonly drainLimit: Millis;
}

export interface ProbeConfig {
  /** undefined: a TCP connection is enough. */
  readonly path: string | undefined;
  readonly timeout: Millis;
  readonly tries: number;
}

/** How changes become rounds. */
export interface GovernorConfig {
  /** Nothing happened for so long: go. */
  readonly quiet: Millis;
  /** Something has waited for so long: go all the same. */
  readonly maxDelay: Millis;
  /** Between two reloads at least. */
  readonly reloadGap: Millis;
  /** No reload while so many old workers linger, unless it has waited for {@link reloadPatience}. */
  readonly maxLingering: number;
  readonly reloadPatience: Millis;
  /** Waits between tries after a failure: doubled each time, up to the second. */
  readonly retry: readonly [Millis, Millis];
}

export interface GuardConfig {
  /** Removals by failure that leave less than this share of the recent maximum are held; 0 to 1. */
  readonly keepShare: number;
  /** How far back the recent maximum goes. */
  readonly window: Millis;
  /** Failures alone never leave fewer than so many. */
  readonly minServers: number;
  /** Whether a pool may become empty when all of it left. */
  readonly allowEmpty: boolean;
  /** How long a failed member whose service still answers is kept; see {@link PoolConfig.probe}. */
  readonly disputeLimit: Millis;
}

/** Each loss (failed, or away and back) adds 1 to a member's penalty, which halves with time. */
export interface DampingConfig {
  readonly halfLife: Millis;
  /** From here on it is held out, */
  readonly suppress: number;
  /** until it is back here. */
  readonly reuse: number;
  /** The penalty never exceeds this, so that the longest hold is bounded. */
  readonly ceiling: number;
}
