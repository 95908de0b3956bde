/** The part of npm's serf-rpc that the tests use; it brings no types. */
declare module "serf-rpc" {
  import type { EventEmitter } from "node:events";

  /** `error` is a boolean; what went wrong stands in the answer's header. */
  type Done = (error: boolean | Error | null, answer?: unknown) => void;

  /** One connection for the whole module. */
  class SerfRpc {
    /** All that comes, by Seq: of what came in one piece the last value. */
    readonly events: EventEmitter;
    connect(options: { rpc_host: string; rpc_port: number }, connected: Done): void;
    [command: string]: unknown;
  }

  export = SerfRpc;
}
