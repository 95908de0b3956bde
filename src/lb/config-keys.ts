import { minutes, seconds } from "../base/units.js";
import type {
  BalancerConfig,
  CommandConfig,
  DampingConfig,
  GovernorConfig,
  GuardConfig,
  HaproxyConfig,
  LbConfig,
  NginxConfig,
  PoolConfig,
  ProxyConfig,
  VirtualIpConfig,
} from "./config.js";
import { orOff, orOn, selector, serverOptions, share, url, urlPath } from "./config-kinds.js";
import {
  argv,
  checked,
  duration,
  integer,
  type Kind,
  list,
  object,
  oneOf,
  optional,
  path,
  program,
  real,
  required,
  type Shape,
  shown,
  standard,
  text,
  toggle,
  word,
} from "./decode.js";
import { parseNetwork } from "./vip/ipv4-network.js";

// Every key with its range, default and meaning. The reference in handlers/lb is made of these.

/** At most so many proxies in one file, and pools in one proxy. */
export const maxBalancers = 64;
const maxPools = 256;

/** HAProxy needs memory for every server: 38 MB for 5,000. */
const mostServers = 10_000;

const tag = text("the name of a tag");

/** What a probe is told in JSON; its type decides whether the path counts. */
export interface ProbeKeys {
  readonly type: "http" | "tcp";
  readonly path: string;
  readonly timeout: number;
  readonly tries: number;
}

export const probeKeys: Shape<ProbeKeys> = {
  type: standard(
    oneOf("http", "tcp"),
    "http",
    "`http`: the service answers a GET with a status below 500, or answers what is no HTTP. `tcp`: it takes a connection, which a process that hangs does as well. A service that says nothing to a GET, as PostgreSQL, needs the latter: otherwise suspicion and failure count alone.",
  ),
  path: standard(urlPath, "/", "What is asked for by HTTP."),
  timeout: standard(
    duration(10, minutes(1)),
    200,
    "How long one try may take. A service whose path takes longer counts as one that does not answer, also when it is new: name one that is answered at once.",
  ),
  tries: standard(integer("a number of tries", 1, 10), 2, "So many tries have to fail."),
};

const probeDefaults: ProbeKeys = { type: "http", path: "/", timeout: 200, tries: 2 };

export type ExclusiveKeys = NonNullable<PoolConfig["exclusive"]>;

export const exclusiveKeys: Shape<ExclusiveKeys> = {
  epochTag: standard(
    tag,
    "role_epoch",
    "Of several that match, the one with the highest number in this tag is served. Where they are equal or have none, the present one stays.",
  ),
  noPrimary: standard(
    oneOf("hold", "refuse"),
    "refuse",
    "When no member matches: `hold` keeps the last one, `refuse` serves none.",
  ),
};

/** A pool as it is read: its name may be missing, and its probe has a type. */
export type PoolKeys = Omit<PoolConfig, "name" | "probe"> & {
  readonly name: string | undefined;
  readonly probe: ProbeKeys | undefined;
};

export const poolKeys: Shape<PoolKeys> = {
  name: optional(
    word("a name"),
    "the first value in `members`",
    "Unique in the balancer. The markers bear it, `# gossipd begin NAME`, and so does HAProxy's backend.",
  ),
  select: required(
    selector,
    'Which members belong to the pool, by their tags: `role=web,zone in (a|b),!lb=off,app` means that role is "web", zone "a" or "b", lb not "off", and that there is an app.',
    "members",
  ),
  port: optional(
    integer("a port", 1, 65_535),
    "members without the tag are refused",
    "The port of members without the tag `port_tag`.",
  ),
  portTag: standard(tag, "port", "The tag with the port of a member's service."),
  addressTag: standard(
    tag,
    "lb_addr",
    "The tag with the IP address of a member's service, if it is not the member's own.",
  ),
  weight: standard(
    integer("a weight", 0, 256),
    100,
    "The weight of members without the tag `weight_tag`.",
  ),
  weightTag: standard(tag, "weight", "The tag with the weight of a member, 0 to 256."),
  requiredTags: standard(
    list(tag, 0, 32),
    [],
    "Tags that the template prints. Who lacks one, or has one that is not one printable word of at most 256 characters without quotes and the like, is refused; without this a template that prints it fails for all.",
  ),
  includeSelf: standard(toggle, false, "Whether the balancer's own member may be a server."),
  maxServers: standard(
    integer("a number of servers", 1, mostServers),
    1_000,
    "More are refused, the last by name first.",
  ),
  exclusive: standard(
    orOn(object(exclusiveKeys)),
    undefined,
    "At most one member is served, such as the primary of a database: `true`, or an object with the keys below.",
  ),
  serverOptions: standard(
    serverOptions,
    "",
    "What follows address and weight on each server line, as it is: `check inter 1s`.",
  ),
  onSuspect: standard(
    oneOf("drain", "weight", "out", "none"),
    "drain",
    "What happens to a member that is suspected: no new requests (`drain`), a tenth of its weight, no new requests and an end of its sessions (`out`: the soonest for clients whose requests the proxy may repeat, a loss for all others if the suspicion is false), or nothing.",
  ),
  maxSuspects: standard(
    share("a share of the pool"),
    0.25,
    "The share of the pool that suspicion may take out; one server is always left.",
  ),
  probe: standard(
    orOff(object(probeKeys)),
    probeDefaults,
    "Suspicion and failure count only if the service does not answer the balancer either. `false`: they count alone.",
  ),
  drainLimit: standard(
    duration(0, minutes(60)),
    seconds(10),
    "Requests under way on a draining server are ended then.",
  ),
};

export const governorKeys: Shape<GovernorConfig> = {
  quiet: standard(
    duration(0, minutes(10)),
    50,
    "A change is acted on when nothing more has happened for so long,",
  ),
  maxDelay: standard(duration(0, minutes(10)), 500, "and at the latest so long after it."),
  reloadGap: standard(
    duration(0, minutes(60)),
    seconds(5),
    "Between two reloads at least. What goes through the runtime socket does not wait.",
  ),
  maxLingering: standard(
    integer("a number of processes", 1, 1_000),
    5,
    "No reload while so many processes of earlier reloads still serve their last connections,",
  ),
  reloadPatience: standard(
    duration(0, minutes(60)),
    seconds(10),
    "unless it has waited for so long.",
  ),
  retry: standard(
    bounds(duration(10, minutes(60))),
    [seconds(1), seconds(30)],
    "Waits between tries after a failure: the first, doubled each time up to the second.",
  ),
};

/** Two of a kind, of which the second is the upper one. */
function bounds(kind: Kind<number>): Kind<readonly [number, number]> {
  const pair = list(kind, 2, 2);
  const ordered = checked(pair, 'two durations: ["1s", "30s"]', ([low = 0, high = 0]) =>
    low <= high ? undefined : "the first is longer than the second",
  );
  return ordered as Kind<readonly [number, number]>;
}

export const guardKeys: Shape<GuardConfig> = {
  keepShare: standard(
    share("a share of the pool"),
    0.5,
    "Failures that would leave less than this share of the recent maximum are held: the servers stay. Members that leave are not held.",
  ),
  window: standard(duration(seconds(1)), minutes(10), "How far back the recent maximum goes."),
  minServers: standard(
    integer("a number of servers", 0, mostServers),
    1,
    "Failures never leave fewer servers than this.",
  ),
  allowEmpty: standard(toggle, false, "Whether a pool may become empty when all its members left."),
  disputeLimit: standard(
    duration(0),
    minutes(5),
    "How long a failed member is kept whose service still answers the probe.",
  ),
};

export const dampingKeys: Shape<DampingConfig> = {
  halfLife: standard(
    duration(seconds(1)),
    seconds(20),
    "Each failure, and each time that a member was away and is back, adds 1 to its penalty, which halves in this time.",
  ),
  suppress: standard(
    real("a penalty", 0.1, 1_000),
    3,
    "From this penalty on the member is held out,",
  ),
  reuse: standard(real("a penalty", 0.01, 1_000), 1, "until it is back at this one."),
  ceiling: standard(
    real("a penalty", 0.1, 1_000_000),
    8,
    "A penalty is never higher. By default no hold lasts longer than a minute.",
  ),
};

function defaultsOf<T>(shape: Shape<T>): T {
  const pairs = Object.entries<Shape<T>[keyof T]>(shape);
  return Object.fromEntries(pairs.map(([field, key]) => [field, key.fallback?.()])) as T;
}

/** What a balancer has whatever its proxy is. */
export type CommonKeys = Omit<BalancerConfig, "name" | "pools" | "proxy"> & {
  readonly name: string | undefined;
  readonly pools: readonly PoolKeys[];
};

export const balancerKeys: Shape<CommonKeys> = {
  name: optional(
    word("a name"),
    "its `kind`",
    "Unique in the cluster if you mean to ask for it: the status, the log and other members call it so.",
  ),
  file: required(
    path("the path of the proxy's configuration"),
    "The configuration file of the proxy that is kept right.",
    "config",
  ),
  template: optional(
    path("the path of a template"),
    "only what stands between the markers is written",
    "A LiquidJS template of the whole file.",
  ),
  pools: required(list(object(poolKeys), 1, maxPools), "The pools of servers in it, one or more."),
  governor: standard(
    object(governorKeys),
    defaultsOf(governorKeys),
    "When changes are acted on, as an object.",
  ),
  guard: standard(
    object(guardKeys),
    defaultsOf(guardKeys),
    "What is never taken out, as an object.",
  ),
  damping: standard(
    orOff(object(dampingKeys)),
    defaultsOf(dampingKeys),
    "How members that flap are held out, as an object; `false`: they are not.",
  ),
  checkTimeout: standard(
    duration(100, minutes(10)),
    seconds(10),
    "How long the proxy's checker may take before it is ended, which counts as a failure.",
  ),
  reloadTimeout: standard(
    duration(100, minutes(10)),
    seconds(10),
    "How long a reload may take before it counts as failed.",
  ),
  dryRun: standard(
    toggle,
    false,
    "Write and apply nothing, only say in status and log what would be done.",
  ),
  backups: standard(
    integer("a number of files", 1, 100),
    5,
    "How many earlier good files are kept in `state_dir`.",
  ),
};

export type ProxyKind = ProxyConfig["kind"];

const haproxyKeys: Shape<Omit<HaproxyConfig, "kind">> = {
  binary: standard(
    program("a path, or a name in the PATH"),
    "haproxy",
    "The program that checks the file.",
  ),
  socket: optional(
    path("the path of a socket"),
    "the `stats socket` of the file",
    "The runtime socket, with level admin.",
  ),
  masterSocket: optional(
    path("the path of a socket"),
    "none",
    "The socket of the master process, which reloads: what follows `-S` in HAProxy's command line.",
  ),
  pidFile: optional(
    path("the path of a file"),
    "the `pidfile` of the file",
    "The file with the master's process id, to reload by SIGUSR2 when there is no master socket.",
  ),
  mode: standard(
    oneOf("auto", "slots", "dynamic", "reload"),
    "auto",
    "`slots`: servers come and go in lines that are declared beforehand. `dynamic`: by `add server`. `reload`: every change is a reload. `auto`: what the version does best.",
  ),
  slots: standard(
    integer("a number of slots", 1, mostServers),
    8,
    "Free slots of a pool at first, and how many are added when they run out.",
  ),
  stateFile: optional(
    path("the path of a file"),
    "the `server-state-file` of the file",
    "Where the state of servers is kept over a reload.",
  ),
  allowBindChanges: standard(
    toggle,
    false,
    "Whether a change of `bind` lines may be loaded: if an address is taken, HAProxy is away for two seconds.",
  ),
  socketTimeout: standard(
    duration(10, minutes(1)),
    seconds(2),
    "How long an answer on a socket may take.",
  ),
};

const nginxKeys: Shape<Omit<NginxConfig, "kind">> = {
  binary: standard(
    program("a path, or a name in the PATH"),
    "nginx",
    "The program that checks the file.",
  ),
  mainFile: optional(
    path("the path of a file"),
    "`config` is the main file",
    "nginx's main file, if it only includes `config`.",
  ),
  pidFile: optional(
    path("the path of a file"),
    "the `pid` of the main file",
    "The file with the master's process id.",
  ),
  generation: optional(
    url,
    "none",
    'The URL of a location that shows which configuration serves: its block holds the lines "# gossipd begin generation" and "# gossipd end generation".',
  ),
};

const commandKeys: Shape<Omit<CommandConfig, "kind">> = {
  check: optional(
    argv,
    "nothing is checked",
    "The program that checks a file, with its arguments; `%f` stands for the file. There is no shell.",
  ),
  reload: required(argv, "The program that has the proxy load the file, with its arguments."),
  confirm: optional(
    argv,
    "the exit status of `reload` has to do",
    "A program that ends with 0 if the new state is served.",
  ),
  line: standard(
    text("the line of a server"),
    "server %n %h weight %w",
    "The line of a server between the markers: `%n`, `%a`, `%p`, `%w` are node, address, port and weight, `%h` address:port.",
  ),
  emptyLine: standard(
    text("a line", { empty: true }),
    "",
    "The line between the markers when there is no server; empty: none.",
  ),
};

/** The keys that stand beside those of every balancer, by its kind. */
export const proxyKeys: {
  readonly [Name in ProxyKind]: Shape<Omit<Extract<ProxyConfig, { kind: Name }>, "kind">>;
} = { haproxy: haproxyKeys, nginx: nginxKeys, command: commandKeys };

const ipv4Prefix: Kind<string> = checked(
  text("an IPv4 address with its prefix, such as 192.0.2.10/24"),
  "an IPv4 address with its prefix, such as 192.0.2.10/24",
  (value) =>
    parseNetwork(value) === undefined
      ? `${shown(value)} is no IPv4 address with its prefix, "192.0.2.10/24" is one`
      : undefined,
);

export const virtualIpKeys: Shape<VirtualIpConfig> = {
  address: required(
    ipv4Prefix,
    "The address with its prefix. All balancers that share it have the same here; pairs with different ones do not mind each other.",
  ),
  interface: optional(
    word("an interface"),
    "the one whose network it fits into",
    "The interface that it is put on.",
  ),
  port: required(
    integer("a port", 1, 65_535),
    "Where the proxy serves, on this address and on the machine's own: its `bind` names no address. Those who do not have the address ask there whether it is served.",
  ),
  checkPath: optional(
    urlPath,
    "a TCP connection is enough, which a process that hangs takes as well",
    "What is asked for by HTTP, answered by the proxy itself, such as HAProxy's `monitor-uri`; a status below 500 is an answer.",
  ),
  checkInterval: standard(
    duration(50, minutes(1)),
    250,
    "How often it is asked. Two questions in a row without an answer, neither from the address nor from its holder's own, and the next in line takes it.",
  ),
  checkTimeout: standard(duration(10, minutes(1)), 200, "How long an answer may take."),
  holdDown: standard(
    duration(0, minutes(10)),
    seconds(2),
    "Who lost the address against its will comes last for so long, doubled with each loss within 5 minutes, up to a minute.",
  ),
};

/** The outermost keys, but for the balancers themselves. */
export const topKeys: Shape<Omit<LbConfig, "balancers">> = {
  stateDir: standard(
    path("the path of a folder"),
    "/var/lib/gossipd/lb",
    "Where the last good files, notes and the status are kept.",
  ),
  interval: standard(
    duration(seconds(1)),
    seconds(30),
    "How often everything is compared even if nothing happened.",
  ),
  watchInterval: standard(
    duration(100),
    seconds(1),
    "How often the proxy is asked whether it is still the same process.",
  ),
  settleTime: standard(
    duration(0, minutes(10)),
    seconds(1),
    "After a start nothing is written before the members stood still for so long,",
  ),
  settleLimit: standard(
    duration(0, minutes(60)),
    seconds(10),
    "or at the latest then, if the agent has joined.",
  ),
  trackFile: optional(
    path("the path of a file"),
    "none",
    "A file for keepalived's `track_file`: -254 (FAULT) while a proxy cannot be asked, 20 after `gossipd lb prefer` with this node's name, -20 while the node's state is draining or maint, 0 otherwise.",
  ),
  virtualIp: optional(
    object(virtualIpKeys),
    "none",
    "An address that moves between the balancers of the cluster without keepalived, as an object.",
  ),
};
