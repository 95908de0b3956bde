import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Millis } from "../base/units.js";
import type { Backend } from "./backend-list.js";

/** How long a backend may take to answer. */
const answerTimeout: Millis = 5_000;

/**
 * The built-in balancer: HTTP to one backend after the other.
 *
 * It keeps no connection to a backend, so that a backend that is taken out has only requests under
 * way, and these are finished. A backend that refuses the connection costs no request: the next one
 * is asked. One that breaks off later does, since nobody knows what it already did.
 */
export class Balancer {
  readonly server: Server = createServer((incoming, response) => this.#serve(incoming, response));
  #backends: readonly Backend[] = [];
  #next = 0;

  /** Who gets the requests from now on. */
  use(backends: readonly Backend[]): void {
    this.#backends = [...backends];
  }

  get backends(): readonly Backend[] {
    return this.#backends;
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const backends = this.#backends;
    const start = this.#next++;
    const turns = backends.map((_, turn) => backends[(start + turn) % backends.length] as Backend);
    this.#ask(turns, incoming, response);
  }

  #ask(turns: readonly Backend[], incoming: IncomingMessage, response: ServerResponse): void {
    const [backend, ...others] = turns;
    if (backend === undefined) {
      incoming.resume();
      refuse(response, 503, "no backend");
      return;
    }
    const outgoing = request(forwarded(incoming, backend));
    outgoing.once("socket", (socket) => socket.once("connect", () => incoming.pipe(outgoing)));
    outgoing.once("response", (answer) => passBack(answer, response));
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer")));
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      if (error.syscall === "connect") this.#ask(others, incoming, response);
      else refuse(response, 502, error.message);
    });
    abandonWith(response, outgoing);
  }
}

function forwarded(incoming: IncomingMessage, backend: Backend): RequestOptions {
  return {
    host: backend.ip,
    port: backend.port,
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, connection: "close" },
    agent: false,
    timeout: answerTimeout,
  };
}

function passBack(answer: IncomingMessage, response: ServerResponse): void {
  const { connection: _, "keep-alive": __, ...headers } = answer.headers;
  response.writeHead(answer.statusCode ?? 502, headers);
  answer.pipe(response);
  answer.once("error", () => response.destroy());
}

/** A client that goes away takes its request with it. */
function abandonWith(response: ServerResponse, outgoing: ClientRequest): void {
  response.once("close", () => {
    if (!response.writableFinished) outgoing.destroy();
  });
}

function refuse(response: ServerResponse, status: number, why: string): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { "content-type": "text/plain" }).end(`${why}\n`);
}
