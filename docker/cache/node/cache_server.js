#!/usr/bin/env node
// cache_server --config FILE --node-id NAME --data-dir FOLDER
//
// A cache that is asked over HTTP: PUT /KEY keeps the body, GET /KEY answers it, DELETE /KEY forgets it.
// GET / says who answers, GET /health that it is well. Like most programs it ends when it lacks what it
// is told to use, and says so on standard error.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

function fail(text) {
  process.stderr.write(`cache_server: ${text}\n`);
  process.exit(1);
}

/** Larger values are refused, and of more than that many the oldest are forgotten. */
const maxBytes = 1024 * 1024;
let maxEntries = 10_000;

const { values: options } = parseArgs({
  options: Object.fromEntries(
    ["config", "node-id", "data-dir"].map((name) => [name, { type: "string" }]),
  ),
});
const { config, "node-id": node, "data-dir": dataFolder } = options;
if (!existsSync(config)) fail(`cannot open ${config}`);
const settings = new Map(
  [...readFileSync(config, "utf8").matchAll(/^ *(\w+): *"?([^"#\n]+?)"? *(?:#.*)?$/gm)].map(
    ([, key, value]) => [key, value],
  ),
);
const walFolder = settings.get("wal_directory");
for (const folder of [dataFolder, walFolder]) {
  if (!existsSync(folder)) fail(`cannot use ${folder}: no such directory`);
}
maxEntries = Number(settings.get("max_entries") ?? maxEntries);

// The values at the last orderly end, and what was changed since.
const snapshot = join(dataFolder, "values.json");
const wal = join(walFolder, "changes.jsonl");
const values = new Map(existsSync(snapshot) ? JSON.parse(readFileSync(snapshot, "utf8")) : []);
for (const line of existsSync(wal) ? readFileSync(wal, "utf8").split("\n") : []) {
  if (line.endsWith("]")) take(...JSON.parse(line));
}

function take(key, value) {
  values.delete(key);
  if (value !== null) values.set(key, value);
  if (values.size > maxEntries) values.delete(values.keys().next().value);
}

function change(key, value) {
  take(key, value);
  appendFileSync(wal, `${JSON.stringify([key, value])}\n`);
}

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  const chunks = [];
  let length = 0;
  request.on("data", (chunk) => {
    length += chunk.length;
    if (length <= maxBytes) chunks.push(chunk);
  });
  request.on("end", () => {
    const [status, body] = answer(request, Buffer.concat(chunks).toString("base64"), length);
    response.writeHead(status, { "x-served-by": node, "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
  });
});

function answer({ method, url }, body, length) {
  if (url === "/health") return [200, "well\n"];
  if (url === "/") return [200, `${node}: ${values.size} values\n`];
  if (method === "PUT") {
    if (length > maxBytes) return [413, "larger than 1 MB\n"];
    change(url, body);
    return [201, "kept\n"];
  }
  if (method === "DELETE") {
    change(url, null);
    return [200, "forgotten\n"];
  }
  if (method !== "GET" && method !== "HEAD") return [405, "GET, PUT or DELETE\n"];
  const value = values.get(url);
  return value === undefined ? [404, "not here\n"] : [200, Buffer.from(value, "base64")];
}

server.on("error", (error) => fail(error.message));
server.listen(Number(settings.get("listen_port")), "0.0.0.0");
process.on("SIGTERM", () => {
  server.close(() => {
    writeFileSync(snapshot, JSON.stringify([...values]));
    writeFileSync(wal, "");
    process.exit(0);
  });
  server.closeIdleConnections();
});
