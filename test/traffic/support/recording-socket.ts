import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";

/** Stands before a unix socket and keeps all that is sent to it. */
export class RecordingSocket {
  readonly #server: Server;
  readonly #parts: Buffer[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens at `path` and hands everything over to `target`. */
  static async open(path: string, target: string): Promise<RecordingSocket> {
    const server = createServer({ allowHalfOpen: true });
    const recording = new RecordingSocket(server);
    server.on("connection", (client) => {
      const proxy = connect({ path: target, allowHalfOpen: true });
      client.on("data", (part: Buffer) => recording.#parts.push(part));
      client.pipe(proxy).pipe(client);
      // Either side may be gone first; the other then is to go as well.
      client.once("error", () => proxy.destroy());
      proxy.once("error", () => client.destroy());
    });
    server.listen(path);
    await once(server, "listening");
    return recording;
  }

  /** All that was sent so far. */
  get sent(): string {
    return Buffer.concat(this.#parts).toString();
  }

  async end(): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}
