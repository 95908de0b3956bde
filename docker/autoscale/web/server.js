import { createServer } from "node:http";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

// A service of which one server is soon not enough: each request waits for something that takes 200 ms.

const host = hostname();
const work = 200;

const server = createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
  request.resume();
  // Whoever asks only whether it is well must not have to wait for the work.
  if (request.url !== "/healthz") await sleep(work);
  response.setHeader("content-type", "text/plain");
  response.setHeader("x-served-by", host);
  response.end(`${host}\n`);
});

server.listen(8080);

// Under `docker stop` nothing is sent here any more when this comes; what has begun is finished.
process.once("SIGTERM", () => server.close());
