import type { Socket } from "node:net";
import type { Millis } from "../base/units.js";

/** The bytes of a record; asked for only when they can be written. */
export type Encode = () => Uint8Array;

/**
 * The writing half of a connection, which never makes the agent wait.
 *
 * Responses are written at once: the connection reads no further request before its socket has
 * taken them. Records of subscriptions come when they like, so each {@link Feed} keeps some while
 * the socket is full, and drops the others.
 */
export class Outlet {
  readonly #socket: Socket;
  readonly #feeds = new Set<Feed>();
  /** Records are held back until what is being done now is done. */
  #holds = false;
  /** Wakes who waits in {@link ready}: the session, which does one thing at a time. */
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("drain", () => {
      this.#wake();
      this.pump();
    });
    socket.on("close", () => this.#wake());
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Resolves when the socket can take more, or is closed. */
  async ready(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Resolves when the system has taken all that was sent, and after `limit` in any case. */
  async flushed(limit: Millis): Promise<void> {
    if (!this.#socket.writable) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limit);
      this.#socket.write("", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  attach(feed: Feed): void {
    this.#feeds.add(feed);
  }

  detach(feed: Feed): void {
    this.#feeds.delete(feed);
  }

  /** Writes what waits, one record of each feed in turn, until the socket is full. */
  pump(): void {
    this.#hold();
    let wrote = true;
    while (wrote) {
      wrote = false;
      for (const feed of this.#feeds) {
        if (this.#socket.writableNeedDrain || !this.#socket.writable) break;
        const encode = feed.take();
        if (encode === undefined) continue;
        this.#write(encode());
        wrote = true;
      }
    }
  }

  /** Gossip brings many records at a time, and each write to the system costs more than a record. */
  #hold(): void {
    if (this.#holds) return;
    this.#holds = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#holds = false;
      this.#socket.uncork();
    });
  }

  #write(bytes: Uint8Array): void {
    const { writableHighWaterMark, writableLength } = this.#socket;
    if (writableLength + bytes.length >= writableHighWaterMark) {
      // Otherwise what we hold back would look like a client that does not read.
      this.#socket.uncork();
      this.#socket.cork();
    }
    this.#socket.write(bytes);
  }
}

/** The records of one subscription on their way to its client. */
export class Feed {
  readonly #outlet: Outlet;
  /** At most `capacity`, and a last one; what comes when it is full is dropped. */
  readonly #waiting: Encode[] = [];
  readonly #capacity: number;
  readonly #onDropped: (count: number, over: boolean) => void;
  #dropped = 0;
  #concluded = false;

  /**
   * `onDropped` is told of the first record of a row that is dropped, and at the end of the row
   * (`over`) how many it were.
   */
  constructor(outlet: Outlet, capacity: number, onDropped: (count: number, over: boolean) => void) {
    this.#outlet = outlet;
    this.#capacity = capacity;
    this.#onDropped = onDropped;
  }

  /** Lets the records through, those that waited first. Before, the client has no answer yet. */
  open(): void {
    this.#outlet.attach(this);
    this.#outlet.pump();
  }

  close(): void {
    this.#concluded = true;
    this.#outlet.detach(this);
    this.#waiting.length = 0;
    this.#concludeDrops();
  }

  push(encode: Encode): void {
    if (this.#concluded) return;
    if (this.#waiting.length >= this.#capacity) {
      this.#dropped += 1;
      if (this.#dropped === 1) this.#onDropped(1, false);
      return;
    }
    this.#waiting.push(encode);
    this.#outlet.pump();
  }

  /** Lets a last record through, however many wait before it; then nothing more. */
  conclude(encode: Encode): void {
    if (this.#concluded) return;
    this.#concluded = true;
    this.#waiting.push(encode);
    this.#outlet.pump();
  }

  take(): Encode | undefined {
    const encode = this.#waiting.shift();
    if (this.#waiting.length > 0) return encode;
    if (encode !== undefined) this.#concludeDrops();
    if (this.#concluded) this.#outlet.detach(this);
    return encode;
  }

  #concludeDrops(): void {
    const count = this.#dropped;
    this.#dropped = 0;
    if (count > 0) this.#onDropped(count, true);
  }
}
