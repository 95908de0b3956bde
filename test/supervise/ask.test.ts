import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askAll } from "../../src/supervise/ask.js";
import type { Check } from "../../src/supervise/checks.js";
import { runs } from "../agent/run-process.js";
import { until } from "../support/wait.js";

const patience = 5_000;

function ask(check: Check, limit = patience): Promise<string | undefined> {
  return askAll([check], limit, { ...process.env, GIVEN: "given" });
}

describe("a command", () => {
  const exec = (command: string): Check => ({ kind: "exec", command });

  test.for<{ command: string; fault: string | undefined }>([
    { command: 'test "$GIVEN" = given', fault: undefined },
    { command: "exit 3", fault: "exit 3: exit status 3" },
    { command: "kill -9 $$", fault: "kill -9 $$: ended by SIGKILL" },
  ])("$command: $fault", async ({ command, fault }) => {
    expect(await ask(exec(command))).toBe(fault);
  });

  test("is quoted by its last line", async () => {
    expect(await ask(exec("echo one; echo two >&2; exit 1"))).toMatch(/: exit status 1: two$/);
  });

  test("that takes too long is ended, and so is what one leaves running", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gossipd-ask-"));
    const file = join(folder, "pids");
    expect(await ask(exec(`echo $$ >> ${file}; sleep 60`), 500)).toMatch(/: no end in 500 ms$/);
    expect(await ask(exec(`sleep 60 & echo $! >> ${file}`))).toBeUndefined();
    const pids = readFileSync(file, "utf8").trim().split("\n").map(Number);
    rmSync(folder, { recursive: true });
    expect(pids.length).toBe(2);
    await until("both are gone", () => !pids.some(runs));
  });
});

describe("a port", () => {
  let server: Server;
  let port: number;
  let status = 200;

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === "/silent") return;
      response.writeHead(status, { location: "http://127.0.0.1:1/" }).end("x".repeat(100_000));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const url = (path = "/"): string => `http://127.0.0.1:${port}${path}`;

  test("is well when somebody listens there", async () => {
    expect(await ask({ kind: "tcp", host: "127.0.0.1", port })).toBeUndefined();
  });

  test("is refused when nobody does", async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port: free } = other.address() as AddressInfo;
    await new Promise((resolve) => other.close(resolve));
    expect(await ask({ kind: "tcp", host: "127.0.0.1", port: free })).toBe(
      `TCP 127.0.0.1:${free}: connection refused`,
    );
    expect(await ask({ kind: "http", url: `http://127.0.0.1:${free}/` })).toBe(
      `GET http://127.0.0.1:${free}/: connection refused`,
    );
  });

  test.for([
    { given: 200, isWell: true },
    { given: 204, isWell: true },
    { given: 302, isWell: true },
    { given: 404, isWell: false },
    { given: 503, isWell: false },
  ])("that answers with $given: $isWell", async ({ given, isWell }) => {
    status = given;
    const fault = isWell ? undefined : `GET ${url()}: status ${given}`;
    expect(await ask({ kind: "http", url: url() })).toBe(fault);
  });

  test("that does not answer in time is not well", async () => {
    expect(await ask({ kind: "http", url: url("/silent") }, 200)).toBe(
      `GET ${url("/silent")}: no answer in 200 ms`,
    );
  });

  test("of several checks the first that fails is told", async () => {
    status = 200;
    const checks: Check[] = [
      { kind: "http", url: url() },
      { kind: "exec", command: "exit 1" },
      { kind: "exec", command: "exit 2" },
    ];
    expect(await askAll(checks, patience, process.env)).toBe("exit 1: exit status 1");
  });
});
