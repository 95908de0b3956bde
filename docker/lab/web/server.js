import { writeSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

// The application of the lab: it says who answered. `/?ms=2000` takes its time, to see what becomes of a
// request that is under way. It knows nothing of gossip, balancers and containers.

const host = hostname();
let answered = 0;

const server = createServer(async (request, response) => {
  request.resume();
  const { searchParams } = new URL(request.url ?? "/", "http://web");
  await sleep(Math.min(Number(searchParams.get("ms")) || 0, 30_000));
  answered += 1;
  response.setHeader("content-type", "application/json");
  response.setHeader("x-served-by", host);
  response.end(`${JSON.stringify({ message: "Hello from a container", host, answered })}\n`);
});

server.listen(3000, () => {
  // s6 wants to be told when a service is ready: by a line to a file descriptor of its choice.
  const { READY_FD } = process.env;
  if (READY_FD !== undefined) writeSync(Number(READY_FD), "\n");
});

// Under `docker stop` nothing is sent here any more when this comes; what has begun is finished.
process.once("SIGTERM", () => server.close());
