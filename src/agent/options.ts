import type { ValueHint } from "../base/value-hint.js";
import type { Settings } from "./settings.js";

/**
 * The kinds that a field of type `T` may have: how a value is written and merged (compat.md section
 * 4.3).
 *
 * `text`: a later one that is not empty replaces. `integer`, `duration`: a later one that is not
 * zero replaces; durations are written in Go's way. `limit`: a duration of which zero counts too, as
 * no limit. `switch`: can only be turned on. `toggle`: the last one given counts, on or off. `list`:
 * later ones are appended. `tags`: merged by key. `object`: a later one replaces, whole.
 */
type KindsOf<T> = T extends string
  ? "text"
  : T extends boolean
    ? "switch" | "toggle"
    : T extends number
      ? "integer" | "duration" | "limit"
      : T extends readonly string[]
        ? "list"
        : T extends ReadonlyMap<string, string>
          ? "tags"
          : "object";

/** One row for each field of {@link Settings}; `flag` and `key` say where it can be given. */
type OptionFor<Field extends keyof Settings> = {
  readonly field: Field;
  readonly kind: KindsOf<Settings[Field]>;
  /** Without dashes. */
  readonly flag?: string;
  /** In configuration files; a dot leads into an object. */
  readonly key?: string;
  readonly default: Settings[Field];
  /** In the environment, if it has no key from which the name could be made; see variables.ts. */
  readonly variable?: string;
  /** What stands for the value in the help; a switch has none. */
  readonly placeholder?: string;
  /** What a value is, if that is more than any text. */
  readonly value?: ValueHint;
  /** Never shown, and not handed down to handlers. */
  readonly secret?: true;
  /** Taken over on SIGHUP; a change of any other needs a restart. */
  readonly reloadable?: true;
  /** The flag says the opposite of the field. */
  readonly negated?: boolean;
  /** A second flag with the same meaning. */
  readonly alias?: { readonly flag: string; readonly help: string };
  readonly help: string;
};

export type Option = { [Field in keyof Settings]: OptionFor<Field> }[keyof Settings];

/** Everything that an operator can set: flags, file keys, variables, defaults and help in one place. */
export const options: readonly Option[] = [
  {
    field: "bind",
    kind: "text",
    flag: "bind",
    key: "bind",
    default: "0.0.0.0",
    value: "address",
    placeholder: "ADDR",
    help: "Address to bind the gossip listeners (TCP and UDP) to: host, host:port, [v6] or [v6]:port. The port is 7946 if not given. Default 0.0.0.0:7946.",
  },
  {
    field: "interface",
    kind: "text",
    flag: "iface",
    key: "interface",
    default: "",
    placeholder: "NAME",
    help: "Network interface to bind to. Without a bind address, its first address that is not link-local is taken; with one, the interface must own it.",
  },
  {
    field: "advertise",
    kind: "text",
    flag: "advertise",
    key: "advertise",
    default: "",
    value: "address",
    placeholder: "ADDR",
    help: "Address to advertise to the other members. The port is the bind port if not given.",
  },
  {
    field: "configPaths",
    kind: "list",
    flag: "config-file",
    alias: {
      flag: "config-dir",
      help: "Directory of which every file that ends in .json is read, in alphabetical order.",
    },
    default: [],
    variable: "GOSSIPD_CONFIG",
    value: "path",
    placeholder: "PATH",
    help: "JSON file to read configuration from. Can be mixed with -config-dir; later ones win.",
  },
  {
    field: "nodeName",
    kind: "text",
    flag: "node",
    key: "node_name",
    default: "",
    placeholder: "NAME",
    help: "Name of this member, unique in the cluster. Default: the host name.",
  },
  {
    field: "tags",
    kind: "tags",
    flag: "tag",
    key: "tags",
    default: new Map(),
    reloadable: true,
    placeholder: "KEY=VALUE",
    help: "Tag to attach to this member.",
  },
  {
    field: "role",
    kind: "text",
    flag: "role",
    key: "role",
    default: "",
    reloadable: true,
    placeholder: "ROLE",
    help: "Deprecated: the same as -tag role=ROLE.",
  },
  {
    field: "tagsFile",
    kind: "text",
    flag: "tags-file",
    key: "tags_file",
    default: "",
    value: "path",
    placeholder: "PATH",
    help: "File that keeps the tags across restarts; it is rewritten when tags change. Tags may then not be given in any other way.",
  },
  {
    field: "encryptKey",
    kind: "text",
    flag: "encrypt",
    key: "encrypt_key",
    default: "",
    secret: true,
    placeholder: "KEY",
    help: "Key that encrypts the gossip: 16, 24 or 32 bytes in base64, the same on all members.",
  },
  {
    field: "keyringFile",
    kind: "text",
    flag: "keyring-file",
    key: "keyring_file",
    default: "",
    value: "path",
    placeholder: "PATH",
    help: "JSON list of base64 keys; the first one encrypts, all decrypt. Cannot be combined with -encrypt.",
  },
  {
    field: "eventHandlers",
    kind: "list",
    flag: "event-handler",
    key: "event_handlers",
    default: [],
    reloadable: true,
    placeholder: "[FILTER=]SCRIPT",
    help: "Shell command to run when events occur, for all events or those of a filter, or when a list of members has changed; see below.",
  },
  {
    field: "handlerTimeout",
    kind: "limit",
    flag: "handler-timeout",
    key: "handler_timeout",
    default: 60_000,
    placeholder: "DURATION",
    help: "How long an event handler may run before it is terminated with all its children. Default 60s; 0 is no limit.",
  },
  {
    field: "handlerJournal",
    kind: "text",
    flag: "handler-journal",
    key: "handler_journal",
    default: "",
    value: "path",
    placeholder: "PATH",
    help: "File that keeps the record of handler runs across restarts, of at most a few megabytes and readable by the owner alone. Not in Serf.",
  },
  {
    field: "lbFile",
    kind: "text",
    flag: "lb",
    key: "lb_file",
    default: "",
    reloadable: true,
    value: "path",
    placeholder: "FILE",
    help: "JSON file that says which load balancers are kept in step with the members; the same as the key load_balancer of the agent's own file. Not in Serf.",
  },
  {
    field: "loadBalancer",
    kind: "object",
    key: "load_balancer",
    default: undefined,
    reloadable: true,
    help: "The load balancers that are kept in step with the members, as an object; see -lb.",
  },
  {
    field: "startJoin",
    kind: "list",
    flag: "join",
    key: "start_join",
    default: [],
    value: "address",
    placeholder: "ADDR",
    help: "Member to join at the start; the agent exits if none can be joined.",
  },
  {
    field: "replayOnJoin",
    kind: "switch",
    flag: "replay",
    key: "replay_on_join",
    default: false,
    help: "Deliver the user events that happened before a join.",
  },
  {
    field: "retryJoin",
    kind: "list",
    flag: "retry-join",
    key: "retry_join",
    default: [],
    value: "address",
    placeholder: "ADDR",
    help: "Member to join, tried until it succeeds. Looked up and tried again whenever members are missing later.",
  },
  {
    field: "retryInterval",
    kind: "duration",
    flag: "retry-interval",
    key: "retry_interval",
    default: 30_000,
    placeholder: "DURATION",
    help: "Time between two tries of -retry-join. Default 30s, at least 1s.",
  },
  {
    field: "retryMaxAttempts",
    kind: "integer",
    flag: "retry-max",
    key: "retry_max_attempts",
    default: 0,
    placeholder: "COUNT",
    help: "How often the first -retry-join is tried again before the agent exits. Default 0: without limit.",
  },
  {
    field: "profile",
    kind: "text",
    flag: "profile",
    key: "profile",
    default: "lan",
    value: ["lan", "wan", "local"],
    placeholder: "lan|wan|local",
    help: "Timing of the failure detector and the gossip. Default lan.",
  },
  {
    field: "protocol",
    kind: "integer",
    flag: "protocol",
    key: "protocol",
    default: 5,
    placeholder: "VERSION",
    help: "Serf protocol version to speak, 2 to 5. Default 5.",
  },
  {
    field: "compression",
    kind: "toggle",
    flag: "disable-compression",
    negated: true,
    key: "enable_compression",
    default: true,
    help: "Do not compress what is sent.",
  },
  {
    field: "refusalDetection",
    kind: "toggle",
    flag: "disable-refusal-detection",
    negated: true,
    key: "enable_refusal_detection",
    default: true,
    help: "Wait for members whose hosts refuse connections as long as for silent ones. Otherwise they are declared failed as soon as others find them so, too. Not in Serf.",
  },
  {
    field: "isolationCheck",
    kind: "toggle",
    flag: "disable-isolation-check",
    negated: true,
    key: "enable_isolation_check",
    default: true,
    help: "Suspect silent members also while nobody at all is heard. Otherwise it is taken for our own fault, and they are given more time. Not in Serf.",
  },
  {
    field: "broadcastTimeout",
    kind: "duration",
    flag: "broadcast-timeout",
    key: "broadcast_timeout",
    default: 5_000,
    placeholder: "DURATION",
    help: "How long leave, force-leave and tag changes wait until they were sent. Default 5s, at least 1s.",
  },
  {
    field: "rpcAddr",
    kind: "text",
    flag: "rpc-addr",
    key: "rpc_addr",
    default: "127.0.0.1:7373",
    value: "address",
    placeholder: "ADDR",
    help: "Address to bind the RPC listener to. Default 127.0.0.1:7373.",
  },
  {
    field: "rpcAuth",
    kind: "text",
    key: "rpc_auth",
    default: "",
    secret: true,
    help: "Token that RPC clients must send.",
  },
  {
    field: "httpAddr",
    kind: "list",
    flag: "http-addr",
    key: "http_addr",
    default: [],
    value: "address",
    placeholder: "ADDR",
    help: "Address to serve HTTP at: host:port, a port alone for 127.0.0.1, or unix:/path. Off if not given. Not in Serf.",
  },
  {
    field: "httpToken",
    kind: "text",
    key: "http_token",
    default: "",
    secret: true,
    help: "Token that HTTP clients must send, as a bearer, for what changes anything. Without one that is only possible over a Unix socket.",
  },
  {
    field: "logLevel",
    kind: "text",
    flag: "log-level",
    key: "log_level",
    default: "INFO",
    value: ["trace", "debug", "info", "warn", "err"],
    reloadable: true,
    placeholder: "LEVEL",
    help: "trace, debug, info, warn or err. Default info.",
  },
  {
    field: "leaveOnTerminate",
    kind: "toggle",
    key: "leave_on_terminate",
    default: true,
    reloadable: true,
    help: "Leave the cluster gracefully on SIGTERM. Serf's default is false.",
  },
  {
    field: "skipLeaveOnInterrupt",
    kind: "switch",
    key: "skip_leave_on_interrupt",
    default: false,
    reloadable: true,
    help: "Stop at once on SIGINT.",
  },
  {
    field: "drainTimeout",
    kind: "limit",
    flag: "drain-timeout",
    key: "drain_timeout",
    default: 6_000,
    reloadable: true,
    placeholder: "DURATION",
    help: "How long a graceful leave waits until the load balancers of the cluster, members with a tag balancer, send no requests here any more. Default 6s; 0 is not at all. Not in Serf.",
  },
  {
    field: "reconnectInterval",
    kind: "duration",
    key: "reconnect_interval",
    default: 30_000,
    help: "Time between two attempts to reach a failed member.",
  },
  {
    field: "reconnectTimeout",
    kind: "duration",
    key: "reconnect_timeout",
    default: 86_400_000,
    help: "How long a failed member is remembered.",
  },
  {
    field: "tombstoneTimeout",
    kind: "duration",
    key: "tombstone_timeout",
    default: 86_400_000,
    help: "How long a member that left is remembered.",
  },
  {
    field: "disableNameResolution",
    kind: "switch",
    key: "disable_name_resolution",
    default: false,
    help: "Do not let the members vote on who stays when another member uses our name; only warn.",
  },
  {
    field: "disableCoordinates",
    kind: "switch",
    key: "disable_coordinates",
    default: false,
    help: "Do not compute network coordinates.",
  },
  {
    field: "validateNodeNames",
    kind: "switch",
    key: "validate_node_names",
    default: false,
    help: "Allow only letters, digits, dashes and dots in names, at most 128.",
  },
  {
    field: "msgpackTimeFormat",
    kind: "switch",
    key: "MsgpackUseNewTimeFormat",
    default: false,
    help: "Accepted because Serf does; no message carries a time.",
  },
  {
    field: "userEventSizeLimit",
    kind: "integer",
    key: "user_event_size_limit",
    default: 512,
    help: "Longest user event in bytes, at most 9216.",
  },
  {
    field: "querySizeLimit",
    kind: "integer",
    key: "query_size_limit",
    default: 1_024,
    help: "Longest query in bytes.",
  },
  {
    field: "queryResponseSizeLimit",
    kind: "integer",
    key: "query_response_size_limit",
    default: 1_024,
    help: "Longest response to a query in bytes.",
  },
  {
    field: "snapshotPath",
    kind: "text",
    flag: "snapshot",
    key: "snapshot_path",
    default: "",
    value: "path",
    placeholder: "PATH",
    help: "File that keeps members and clocks across restarts.",
  },
  {
    field: "rejoinAfterLeave",
    kind: "switch",
    flag: "rejoin",
    key: "rejoin_after_leave",
    default: false,
    help: "Rejoin the cluster of the snapshot even after a leave.",
  },
  {
    field: "discover",
    kind: "text",
    flag: "discover",
    key: "discover",
    default: "",
    placeholder: "NAME",
    help: "Name of a cluster of which members are found in the local network, by multicast DNS, and joined.",
  },
  {
    field: "mdnsInterface",
    kind: "text",
    flag: "mdns-iface",
    key: "mdns.interface",
    default: "",
    placeholder: "NAME",
    help: "Network interface for multicast DNS. Default: all that answer, and that of the default route to ask.",
  },
  {
    field: "mdnsDisableIpv4",
    kind: "switch",
    flag: "mdns-disable-ipv4",
    key: "mdns.disable_ipv4",
    default: false,
    help: "No multicast DNS over IPv4.",
  },
  {
    field: "mdnsDisableIpv6",
    kind: "switch",
    flag: "mdns-disable-ipv6",
    key: "mdns.disable_ipv6",
    default: false,
    help: "No multicast DNS over IPv6.",
  },
  {
    field: "enableSyslog",
    kind: "switch",
    flag: "syslog",
    key: "enable_syslog",
    default: false,
    help: "Send the log to syslog as well, under the name serf.",
  },
  {
    field: "syslogFacility",
    kind: "text",
    key: "syslog_facility",
    default: "LOCAL0",
    help: "Facility for syslog, such as LOCAL0 or DAEMON. Default LOCAL0.",
  },
  {
    field: "statsiteAddr",
    kind: "text",
    key: "statsite_addr",
    default: "",
    value: "address",
    help: "Address, host:port, of a statsite server that is sent metrics over TCP.",
  },
  {
    field: "statsdAddr",
    kind: "text",
    key: "statsd_addr",
    default: "",
    value: "address",
    help: "Address, host:port, of a statsd server that is sent metrics over UDP.",
  },
];
