/** How an agent was set up, as far as `gossipd doctor` has to look at it; never keys or tokens. */
export interface Setup {
  readonly name: string;
  readonly pid: number;
  /** Where it listens, and where the others are told to reach it: `ip:port`. */
  readonly bound: string;
  readonly advertised: string;
  /** Where it takes commands, for clients on its own machine; empty if it does not. */
  readonly rpc: string;
  readonly encrypted: boolean;
  /** Each `-event-handler` as it was written. */
  readonly handlers: readonly string[];
  readonly handlerTimeoutMillis: number;
  /** Whom it joins, as it was written. */
  readonly seeds: readonly string[];
  /** The file that has the load balancer's configuration, absolute; null: none, or not in a file. */
  readonly lbFile: string | null;
  /** What its handlers begin in. */
  readonly folder: string;
  /** Of what its handlers inherit, {@link setupVariables}. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The variables that decide what a handler finds; those are no secrets. */
export const setupVariables: readonly string[] = [
  "PATH",
  "GOSSIPD",
  "BACKEND_ROLE",
  "BACKEND_PORT",
  "HAPROXY_CFG",
  "HAPROXY_BEGIN",
  "HAPROXY_END",
  "HAPROXY_MASTER_SOCKET",
  "HAPROXY_PID_FILE",
  "NGINX_CFG",
  "NGINX_BEGIN",
  "NGINX_END",
  "NGINX_PID_FILE",
];
