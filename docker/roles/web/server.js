import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { Images } from "./database.js";
import { imageType } from "./image-type.js";

const maxImageBytes = 2 * 1024 * 1024;

/** Of all uploads that wait for a primary together; more are refused for the moment. */
const maxWaitingBytes = 64 * 1024 * 1024;

const images = new Images({ writeUrl: process.env.WRITE_URL, readUrl: process.env.READ_URL });
const page = await readFile(new URL("page.html", import.meta.url));
let waitingBytes = 0;
let stored = 0;

const server = createServer((request, response) => {
  response.setHeader("x-served-by", hostname());
  response.setHeader("x-content-type-options", "nosniff");
  answer(request, response).catch((error) => {
    say(`${request.method} ${request.url}: ${error.message}`);
    if (!response.headersSent) refuse(response, 503, "the database does not answer");
    else response.destroy();
  });
});

async function answer(request, response) {
  const [path] = request.url.split("?", 1);
  const id = /^\/images\/([0-9a-f-]{36})$/.exec(path)?.[1];
  if (request.method === "POST" && path === "/images") return await upload(request, response);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse(response, 405, "only GET, and POST to /images");
  }
  if (id !== undefined) return await show(id, response);
  if (path === "/") return send(response, 200, "text/html; charset=utf-8", page);
  if (path === "/images") return json(response, 200, await images.newest(50));
  // Whether the app works, not whether there is a primary: it waits for one.
  if (path === "/health") return json(response, 200, { status: "ok" });
  if (path === "/status") {
    return json(response, 200, { stored, waitingBytes, retries: images.retries });
  }
  refuse(response, 404, "no such page");
}

async function upload(request, response) {
  const length = Number(request.headers["content-length"] ?? Number.NaN);
  if (!Number.isSafeInteger(length)) return refuse(response, 411, "no content-length");
  if (length > maxImageBytes) return refuse(response, 413, `more than ${maxImageBytes} bytes`);
  if (waitingBytes + length > maxWaitingBytes) {
    response.setHeader("retry-after", "2");
    return refuse(response, 503, "too many uploads wait for the database");
  }
  waitingBytes += length;
  try {
    const bytes = Buffer.concat(await request.toArray());
    const type = imageType(bytes);
    if (type === undefined) return refuse(response, 415, "neither PNG, JPEG, GIF nor WebP");
    const id = randomUUID();
    const storedBy = await images.store({ id, type, bytes });
    stored += 1;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    response.setHeader("location", `/images/${id}`);
    json(response, 201, { id, type, bytes: bytes.length, sha256, storedBy });
  } finally {
    waitingBytes -= length;
  }
}

async function show(id, response) {
  const image = await images.find(id);
  if (image === undefined) return refuse(response, 404, "no such image");
  // What somebody has uploaded must not run here.
  response.setHeader("content-security-policy", "default-src 'none'; sandbox");
  response.setHeader("cache-control", "public, max-age=31536000, immutable");
  send(response, 200, image.type, image.bytes);
}

function refuse(response, status, reason) {
  // What was not read of the request cannot be followed by another.
  if (!response.req.complete) response.setHeader("connection", "close");
  json(response, status, { error: reason });
}

function json(response, status, value) {
  send(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

function send(response, status, type, body) {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

process.once("SIGTERM", async () => {
  await new Promise((closed) => {
    server.close(closed);
    server.closeIdleConnections();
  });
  await images.close();
});

for (;;) {
  try {
    await images.prepare();
    break;
  } catch (error) {
    say(`no primary yet: ${error.message}`);
  }
}
server.listen(3000);
