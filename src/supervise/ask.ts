import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { reasonOf } from "../base/errors.js";
import { OutputTail } from "../base/output-tail.js";
import { systemText } from "../base/system-texts.js";
import { type Bytes, longestTimer, type Millis } from "../base/units.js";
import type { Check } from "./checks.js";
import type { Environment } from "./launch.js";
import { signalGroup } from "./process-group.js";

/** How much of what a command says is kept: its last line is told. */
const keptBytes = 512;

/**
 * Asks all at once whether the application is well. Resolves with what the first of those says for which
 * it is not, undefined if there is none. Never rejects.
 */
export async function askAll(
  checks: readonly Check[],
  timeout: Millis,
  environment: Environment,
): Promise<string | undefined> {
  const limit = Math.min(timeout, longestTimer);
  const faults = await Promise.all(checks.map((check) => ask(check, limit, environment)));
  return faults.find((fault) => fault !== undefined);
}

async function ask(
  check: Check,
  limit: Millis,
  environment: Environment,
): Promise<string | undefined> {
  try {
    switch (check.kind) {
      case "tcp":
        return await askTcp(check, limit);
      case "http":
        return await askHttp(check, limit);
      case "exec":
        return await askCommand(check, limit, environment);
    }
  } catch (thrown) {
    return wordsOf(thrown);
  }
}

function askTcp(
  { host, port }: Extract<Check, { kind: "tcp" }>,
  limit: Millis,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (fault: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fault === undefined ? undefined : `TCP ${host}:${port}: ${fault}`);
    };
    const timer = setTimeout(() => end(`no answer in ${limit} ms`), limit);
    socket.once("connect", () => end(undefined));
    socket.once("error", (error) => end(wordsOf(error)));
  });
}

/** A redirection counts as an answer, and is not followed. Nobody asks who signed the certificate. */
async function askHttp(
  { url }: Extract<Check, { kind: "http" }>,
  limit: Millis,
): Promise<string | undefined> {
  const isSecure = url.startsWith("https:");
  const { request } = isSecure ? await import("node:https") : await import("node:http");
  return await new Promise((resolve) => {
    const headers = { "user-agent": "gossipd", connection: "close" };
    const asking = request(url, { agent: false, headers, rejectUnauthorized: false });
    const end = (fault: string | undefined): void => {
      clearTimeout(timer);
      asking.destroy();
      resolve(fault === undefined ? undefined : `GET ${url}: ${fault}`);
    };
    const timer = setTimeout(() => end(`no answer in ${limit} ms`), limit);
    asking.once("response", ({ statusCode = 0 }) =>
      end(statusCode >= 200 && statusCode < 400 ? undefined : `status ${statusCode}`),
    );
    asking.on("error", (error) => end(wordsOf(error)));
    asking.end();
  });
}

/** A command that takes too long is ended, and in any case what it leaves running. */
function askCommand(
  { command }: Extract<Check, { kind: "exec" }>,
  limit: Millis,
  environment: Environment,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const tail = new OutputTail(keptBytes);
    // Without file descriptors left there are no pipes, whatever narrower types say.
    const child: ChildProcess = spawn("/bin/sh", ["-c", command], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const end = (fault: string | undefined): void => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      const said = lastLine(tail);
      const why = fault !== undefined && said !== "" ? `${fault}: ${said}` : fault;
      resolve(why === undefined ? undefined : `${command.slice(0, 100)}: ${why}`);
    };
    const timer = setTimeout(() => {
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
      end(`no end in ${limit} ms`);
    }, limit);
    child.stdout?.on("data", (chunk: Bytes) => tail.write(chunk));
    child.stderr?.on("data", (chunk: Bytes) => tail.write(chunk));
    child.once("error", (error) => end(wordsOf(error)));
    child.once("exit", (status, signal) => {
      // What each check leaves behind would grow without end.
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
      // What it said last may still be in the pipe.
      setImmediate(() => end(status === 0 ? undefined : endOf(status, signal)));
    });
  });
}

function endOf(status: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit status ${status}` : `ended by ${signal}`;
}

function lastLine(tail: OutputTail): string {
  const lines = Buffer.from(tail.bytes()).toString().trim().split("\n");
  return (lines.at(-1) ?? "").trim();
}

function wordsOf(thrown: unknown): string {
  const { code = "" } = thrown as NodeJS.ErrnoException;
  return systemText(code) ?? reasonOf(thrown);
}
