import type { StringRecord } from "./records.js";

/**
 * What an agent is started with: Serf's configuration keys in camel case, with their meaning and the
 * defaults of `gossipd agent`. Times are in milliseconds. What is undefined, an empty string, or 0
 * for a number, stands for the default unless the option says otherwise.
 */
export interface AgentOptions {
  /** Name of this member, unique in the cluster. Default: the host name. */
  readonly name?: string | undefined;
  /** Tags of this member, 512 bytes in all. Default: none. */
  readonly tags?: StringRecord | undefined;
  /** File that keeps the tags across restarts; `tags` must then be empty. */
  readonly tagsFile?: string | undefined;

  /**
   * Address for gossip, UDP and TCP: `host`, `host:port`, `[v6]` or `[v6]:port`. The port is 7946 if
   * none is given; port 0 is one that is free. Default: `0.0.0.0:7946`.
   */
  readonly bind?: string | undefined;
  /** Network interface whose address is bound to. */
  readonly interface?: string | undefined;
  /** Address that others are told to use. Default: the one that is bound. */
  readonly advertise?: string | undefined;
  /** Timing of failure detector and gossip. Default: `lan`. */
  readonly profile?: "lan" | "wan" | "local" | undefined;
  /** Version of Serf's protocol to speak, 2 to 5. Default: 5. */
  readonly protocol?: number | undefined;
  /** Whether what is sent is compressed. Default: true. */
  readonly compression?: boolean | undefined;
  /** Whether members whose hosts refuse connections are declared failed early. Default: true. */
  readonly refusalDetection?: boolean | undefined;
  /** Whether silent members are given more time while nobody at all is heard. Default: true. */
  readonly isolationCheck?: boolean | undefined;

  /** Key that encrypts the gossip: 16, 24 or 32 bytes in base64, the same on all members. */
  readonly encryptKey?: string | undefined;
  /** JSON list of such keys; the first encrypts, all decrypt. Not together with `encryptKey`. */
  readonly keyringFile?: string | undefined;

  /**
   * Members to join at the start, as `host` or `host:port`. The start fails if none answers. They are
   * looked up and joined again when members are missing later, and now and then.
   */
  readonly join?: readonly string[] | undefined;
  /** The same, but the start does not wait for them: they are tried until one answers. */
  readonly retryJoin?: readonly string[] | undefined;
  /** Time between two tries of `retryJoin`, at least 1,000. Default: 30,000. */
  readonly retryInterval?: number | undefined;
  /** After so many tries in vain the agent stops. Default: 0, never. */
  readonly retryMaxAttempts?: number | undefined;
  /** Whether user events from before a join are told. Default: false. */
  readonly replayOnJoin?: boolean | undefined;
  /** Name of a cluster of which members are found in the local network, by multicast DNS, and joined. */
  readonly discover?: string | undefined;
  /** Network interface for multicast DNS. Default: all to answer, that of the default route to ask. */
  readonly mdnsInterface?: string | undefined;
  /** Whether there is no multicast DNS over IPv4. Default: false. */
  readonly mdnsDisableIpv4?: boolean | undefined;
  /** Whether there is no multicast DNS over IPv6. Default: false. */
  readonly mdnsDisableIpv6?: boolean | undefined;
  /** File that keeps members and clocks across restarts. */
  readonly snapshotPath?: string | undefined;
  /** Whether the cluster of the snapshot is joined again even after a leave. Default: false. */
  readonly rejoinAfterLeave?: boolean | undefined;

  /** Shell commands to run for events, as `FILTER=SCRIPT` or `SCRIPT`; see `gossipd agent -h`. */
  readonly eventHandlers?: readonly string[] | undefined;
  /** After so long a handler is ended, children and all; 0 is no limit. Default: 60,000. */
  readonly handlerTimeout?: number | undefined;

  /** File that keeps the record of handler runs across restarts. Default: it is forgotten then. */
  readonly handlerJournal?: string | undefined;

  /** JSON file that says which load balancers are kept in step with the members. Default: none are. */
  readonly lbFile?: string | undefined;
  /** The same as an object, with the keys of that file. */
  readonly loadBalancer?: Readonly<Record<string, unknown>> | undefined;

  /** Address to serve RPC clients at, such as `127.0.0.1:7373`. Default: none are served. */
  readonly rpcAddr?: string | undefined;
  /** Token that RPC clients must send. Default: none. */
  readonly rpcAuth?: string | undefined;

  /** Addresses to serve HTTP at: `host:port`, a port alone, or `unix:/path`. Default: none. */
  readonly httpAddr?: readonly string[] | undefined;
  /** Token that HTTP clients must send for what changes anything. Default: only a Unix socket may. */
  readonly httpToken?: string | undefined;

  /** Takes the lines of the log, without newlines, as `gossipd agent` prints them. Default: nobody. */
  readonly log?: ((line: string) => void) | undefined;
  /** The least important lines that `log` is given. Default: `info`. */
  readonly logLevel?: "trace" | "debug" | "info" | "warn" | "err" | undefined;

  /** Address, `host:port`, of a statsd server that is sent metrics over UDP. Default: none. */
  readonly statsdAddr?: string | undefined;
  /** Address, `host:port`, of a statsite server that is sent metrics over TCP. Default: none. */
  readonly statsiteAddr?: string | undefined;

  /** How long leave, force-leave and tag changes wait until they were sent, at least 1,000. Default: 5,000. */
  readonly broadcastTimeout?: number | undefined;
  /**
   * How long a leave waits until the load balancers of the cluster, members with a tag `balancer`, send
   * no requests here any more; 0 is not at all. Default: 6,000.
   */
  readonly drainTimeout?: number | undefined;
  /** Time between two attempts to reach a failed member. Default: 30,000. */
  readonly reconnectInterval?: number | undefined;
  /** How long a failed member is remembered. Default: 24 hours. */
  readonly reconnectTimeout?: number | undefined;
  /** How long a member that left is remembered. Default: 24 hours. */
  readonly tombstoneTimeout?: number | undefined;
  /** Whether no vote is held when two members have one name. Default: false. */
  readonly disableNameResolution?: boolean | undefined;
  /** Whether network coordinates are neither computed nor sent. Default: false. */
  readonly disableCoordinates?: boolean | undefined;
  /** Whether names may have letters, digits, dashes and dots only, at most 128. Default: false. */
  readonly validateNodeNames?: boolean | undefined;
  /** Longest user event in bytes, its name included, at most 9,216. Default: 512. */
  readonly userEventSizeLimit?: number | undefined;
  /** Longest query in bytes. Default: 1,024. */
  readonly querySizeLimit?: number | undefined;
  /** Longest response to a query in bytes. Default: 1,024. */
  readonly queryResponseSizeLimit?: number | undefined;
}
