import type { Socket } from "node:net";

/** What is still unsent of all answers together. */
export interface Unsent {
  bytes: number;
}

/** What one client has under way. */
export class Connection {
  /** True for a Unix socket: who may open that may do everything. */
  readonly isTrusted: boolean;
  /** Requests without an answer, or with one that is not sent. */
  open = 0;
  readonly #unsent: Unsent;
  #bytes = 0;

  constructor(socket: Socket, isTrusted: boolean, unsent: Unsent) {
    this.isTrusted = isTrusted;
    this.#unsent = unsent;
    // Of answers that wait behind another, nobody hears again.
    socket.once("close", () => this.settle(this.#bytes));
  }

  /** All that is unsent, on all connections. */
  get unsentBytes(): number {
    return this.#unsent.bytes;
  }

  owe(bytes: number): void {
    this.#bytes += bytes;
    this.#unsent.bytes += bytes;
  }

  settle(bytes: number): void {
    const settled = Math.min(bytes, this.#bytes);
    this.#bytes -= settled;
    this.#unsent.bytes -= settled;
  }
}
