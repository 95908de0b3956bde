import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { packValues, ValueReader } from "../../src/rpc/framing.js";

/** A value as it came, maps as objects and bytes as `hex:...`, so that it reads well in a test. */
export type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain };

/** A client without manners: it sends what it is told to, and gives back what comes. */
export class RawClient {
  readonly #socket: Socket;
  readonly #reader = new ValueReader(64 * 1024 * 1024);
  readonly #values: Plain[] = [];
  #wake: () => void = () => {};
  #closed = false;
  readonly #chunks: Buffer[] = [];

  static async connect(
    port: number,
    options: { allowHalfOpen?: boolean } = {},
  ): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, ...options });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#reader.feed(chunk);
      for (let item = this.#reader.next(); item !== undefined; item = this.#reader.next()) {
        this.#values.push(plain(item.value));
      }
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** All that came so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  write(bytes: Uint8Array): this {
    this.#socket.write(bytes);
    return this;
  }

  send(...values: readonly unknown[]): this {
    return this.write(packValues(...values));
  }

  /** Sends a request; the body is left out if undefined. */
  request(Command: string, Seq: number | bigint, body?: object): this {
    return body === undefined ? this.send({ Command, Seq }) : this.send({ Command, Seq }, body);
  }

  /** Shakes hands as request 1, and takes the answer. */
  async greet(): Promise<this> {
    await this.request("handshake", 1, { Version: 1 }).take(1);
    return this;
  }

  /** The next `count` values; rejects if the connection ends before. */
  async take(count: number): Promise<Plain[]> {
    while (this.#values.length < count) {
      if (this.#closed) throw new Error(`closed after ${JSON.stringify(this.#values)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#values.splice(0, count);
  }

  /** Resolves when the other side has closed, with what it had sent until then. */
  async rest(): Promise<Plain[]> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#values.splice(0);
  }

  /** Reads nothing more for now. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says that nothing more will be sent. */
  finish(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The response header of a success. */
export const ok = (Seq: number): Plain => ({ Error: "", Seq });

function plain(value: unknown): Plain {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  }
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString("hex")}`;
  return Array.isArray(value) ? value.map(plain) : (value as Plain);
}
