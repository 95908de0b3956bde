import { connect, type Socket } from "node:net";

export interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly host: string;
  readonly keepAlive: boolean;
}

export type Outcome = Answer | Loss;

/** A complete answer with status 200. */
interface Answer {
  readonly kind: "answer";
  /** Which server says that it answered. */
  readonly by: string;
  /** The other side will close the connection. */
  readonly closes: boolean;
}

/**
 * `connect`: no connection came about. `write`: it broke before the request was sent. `reused`: a kept
 * connection ended without a byte of an answer. `read`: a new one did. `cut`: the answer began and is
 * incomplete. `timeout`: nothing, or not all, came in time. `status`: a whole answer that is no 200.
 */
export type LossKind = "connect" | "write" | "reused" | "read" | "cut" | "timeout" | "status";

interface Loss {
  readonly kind: "loss";
  readonly how: LossKind;
  /** One line: the error's code, the status. */
  readonly detail: string;
  /** Which server's answer was cut or was an error, if it said so. */
  readonly by: string | undefined;
}

/** What a POST sends. */
const body = "a few bytes";

/** Longer heads than this are no answer of ours, bytes. */
const maxHeadBytes = 16_384;

/** How much of a body is kept, to read a server's name in it, bytes. */
const keptBodyBytes = 64;

/** One connection for one request after the other. */
export class HttpConnection {
  readonly #socket: Socket;
  #connected = false;
  /** Requests that were answered in full. */
  #served = 0;
  #ended = false;
  #reading: Reading | undefined;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#socket = connect({ ...target, noDelay: true });
    this.#socket.once("connect", () => {
      this.#connected = true;
    });
    this.#socket.on("data", (chunk: Buffer) => this.#reading?.take(chunk));
    this.#socket.on("end", () => this.#close("closed"));
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#close(error.code ?? error.message, error.syscall);
    });
    this.#socket.on("close", () => this.#close("closed"));
  }

  /** False as soon as the other side has closed it. */
  get usable(): boolean {
    return !this.#ended && !this.#socket.destroyed;
  }

  /** Sends one request and reads its answer; never rejects, never repeats. */
  ask(request: Request, patience: number): Promise<Outcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#reading?.fail(this.#connected ? "timeout" : "connect", `nothing in ${patience} ms`);
        this.destroy();
      }, patience);
      this.#reading = new Reading((outcome) => {
        clearTimeout(timer);
        this.#reading = undefined;
        this.#served += 1;
        resolve(outcome);
      });
      if (this.#ended) this.#close("closed");
      else this.#socket.write(textOf(request), "latin1");
    });
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #close(detail: string, syscall = "read"): void {
    this.#ended = true;
    const reading = this.#reading;
    if (reading === undefined) return;
    if (!this.#connected) reading.fail("connect", detail);
    else if (reading.begun) reading.end(detail);
    else if (this.#served > 0) reading.fail("reused", `${syscall} ${detail}`);
    else reading.fail(syscall === "write" ? "write" : "read", detail);
  }
}

function textOf({ method, path, host, keepAlive }: Request): string {
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${keepAlive ? "" : "connection: close\r\n"}`;
  return method === "GET"
    ? `${head}\r\n`
    : `${head}content-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** The answer to one request, as it comes in. */
class Reading {
  readonly #done: (outcome: Outcome) => void;
  #head = "";
  #status = 0;
  #by: string | undefined;
  #closes = false;
  /** Bytes of the body that are due; undefined while the head is read; infinite: until the end. */
  #due: number | undefined;
  #got = 0;
  #start = "";
  /** Of a body in chunks, what is not read yet. */
  #chunks: Chunks | undefined;

  constructor(done: (outcome: Outcome) => void) {
    this.#done = done;
  }

  /** At least a byte has come. */
  get begun(): boolean {
    return this.#head !== "";
  }

  take(chunk: Buffer): void {
    if (this.#due !== undefined) {
      this.#takeBody(chunk);
      return;
    }
    // A head in several pieces is rare, so its text may be put together again.
    const before = this.#head.length;
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (this.#head.length > maxHeadBytes) this.fail("status", "no end of the head");
      return;
    }
    this.#readHead(this.#head.slice(0, end));
    const rest = chunk.subarray(end + 4 - before);
    if (rest.length > 0 || this.#due === 0) this.#takeBody(rest);
  }

  /** The other side has closed the connection after the answer began. */
  end(detail: string): void {
    if (this.#due === Number.POSITIVE_INFINITY && this.#chunks === undefined) this.#complete();
    else this.fail("cut", `${detail} after ${this.#got} of ${this.#due ?? "?"} bytes`);
  }

  fail(how: LossKind, detail: string): void {
    this.#done({ kind: "loss", how, detail, by: this.#by });
  }

  #readHead(head: string): void {
    this.#status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim();
    this.#by = field("x-served-by");
    this.#closes = /close/i.test(field("connection") ?? "");
    const length = field("content-length");
    if (/chunked/i.test(field("transfer-encoding") ?? "")) this.#chunks = new Chunks();
    this.#due = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
  }

  #takeBody(chunk: Buffer): void {
    this.#got += chunk.length;
    if (this.#start.length < keptBodyBytes)
      this.#start += chunk.toString("latin1", 0, keptBodyBytes);
    if (this.#chunks?.take(chunk) === true || this.#got >= (this.#due ?? 0)) this.#complete();
  }

  #complete(): void {
    if (this.#status !== 200) {
      this.fail("status", `status ${this.#status}`);
      return;
    }
    // The first line of a body in chunks is the size of the first chunk.
    const name = this.#chunks === undefined ? /^[^\r\n]*/ : /(?<=^[^\n]*\n)[^\r\n]*/;
    const by = this.#by ?? name.exec(this.#start)?.[0] ?? "";
    this.#done({ kind: "answer", by, closes: this.#closes });
  }
}

/** Finds the end of a body that comes in chunks. */
class Chunks {
  /** Of the present chunk and its line end, bytes to come. */
  #left = 0;
  #line = "";

  /** True at the end of the last chunk. */
  take(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      this.#line += String.fromCharCode(bytes[at] ?? 0);
      at += 1;
      if (!this.#line.endsWith("\r\n")) continue;
      const size = Number.parseInt(this.#line, 16);
      this.#line = "";
      // No trailers: the empty line comes in the same breath.
      if (size === 0) return true;
      this.#left = size + 2;
    }
    return false;
  }
}
