// A web server that says its container's name, begins to listen after START_DELAY ms, and ends as web
// servers do: what is under way is finished, and nobody new is let in.
const { createServer } = require("node:http");
const { hostname } = require("node:os");

const server = createServer({ keepAliveTimeout: 75_000 }, (_, response) => {
  response.writeHead(200, { "x-served-by": hostname() }).end("well\n");
});
setTimeout(() => server.listen(8080), Number(process.env.START_DELAY ?? 0));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
