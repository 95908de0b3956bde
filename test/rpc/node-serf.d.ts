/** The part of npm's node-serf that the tests use; it brings no types. */
declare module "node-serf" {
  import type { Socket } from "node:net";

  export type Done = (error: Error | null, body?: unknown) => void;

  export interface NodeSerfStream extends NodeJS.EventEmitter {
    stop(done: (error: Error | null) => void): void;
  }

  export interface NodeSerf extends Socket {
    send(command: string, hasBody: boolean, body: object | Done, done?: Done): void;
    stream(body: object, listening?: (error: Error | null) => void): NodeSerfStream;
    monitor(body: object): NodeSerfStream;
    query(body: object, listening?: (error: Error | null) => void): NodeSerfStream;
    leave(): void;
  }

  export function connect(
    options: { port: number; host: string },
    connected: (error?: Error) => void,
  ): NodeSerf;
}
