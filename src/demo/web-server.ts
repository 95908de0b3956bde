import { createServer, type Server } from "node:http";
import type { Millis } from "../base/units.js";

/** How long a request takes, so that some are always under way. */
const workMillis: Millis = 5;

/**
 * A web node's server: answers every request with its name.
 *
 * Idle connections are kept for longer than any balancer keeps them, so that it is never this side
 * that closes one at the moment at which the balancer uses it again.
 */
export function createWebServer(name: string): Server {
  const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    request.resume();
    request.once("end", () => {
      setTimeout(() => {
        if (!server.listening) response.setHeader("connection", "close");
        response.writeHead(200, { "content-type": "text/plain" }).end(`${name}\n`);
      }, workMillis);
    });
  });
  return server;
}

/** The process `main.js web-server NAME IP PORT`: until SIGTERM, then what is under way is finished. */
export function runWebServer(args: readonly string[]): void {
  const [name = "", ip = "", port = ""] = args;
  const server = createWebServer(name);
  server.listen(Number(port), ip, () => process.stdout.write("listening\n"));
  process.once("SIGTERM", () => server.close());
}
