import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The process `web-server.js NAME IP PORT`: a backend that says its name, in a header and in the body.
 *
 *   /                        at once
 *   /slow?ms=300             after so long
 *   /download?ms=2000&bytes=1000000   so much over so long
 *   /health                  for the proxy's checks: not counted
 *   /count                   what arrived (see Arrivals): not counted
 *
 * Idle connections are kept for longer than any proxy keeps them, so that it is never this side that
 * closes one at the moment at which the proxy uses it again. SIGTERM: as web servers do, what is under
 * way is finished, and nobody new is let in.
 */
const [name = "", ip = "", port = ""] = process.argv.slice(2);

/** What `/count` answers, as JSON. */
export interface Arrivals {
  readonly arrived: number;
  readonly answered: number;
  /** When the last request arrived, milliseconds since 1970; 0 if none did. */
  readonly last: number;
}

const arrivals = { arrived: 0, answered: 0, last: 0 };

/** Pieces of a download per second of its time. */
const piecesPerSecond = 20;

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  request.resume();
  request.once("end", () => {
    answer(request, response).catch(() => response.destroy());
  });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://host");
  response.setHeader("x-served-by", name);
  if (!server.listening) response.setHeader("connection", "close");
  if (pathname === "/health") {
    response.end("well\n");
    return;
  }
  if (pathname === "/count") {
    response.end(`${JSON.stringify(arrivals satisfies Arrivals)}\n`);
    return;
  }
  arrivals.arrived += 1;
  arrivals.last = Date.now();
  const millis = Number(searchParams.get("ms") ?? 0);
  if (pathname === "/download") {
    await download(response, millis, Number(searchParams.get("bytes") ?? 0));
  } else {
    if (millis > 0) await sleep(millis);
    if (!server.listening) response.setHeader("connection", "close");
    response.end(`${name}\n`);
  }
  arrivals.answered += 1;
}

async function download(response: ServerResponse, millis: number, bytes: number): Promise<void> {
  const pieces = Math.max(1, Math.round((piecesPerSecond * millis) / 1_000));
  const piece = Buffer.alloc(Math.ceil(bytes / pieces), ".");
  response.setHeader("content-length", bytes);
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (response.destroyed) return;
    response.write(piece.subarray(0, bytes - sent));
    await sleep(millis / pieces);
  }
  response.end();
}

server.listen(Number(port), ip, () => process.stdout.write("listening\n"));
process.once("SIGTERM", () => server.close(() => process.exit(0)));
