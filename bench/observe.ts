import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, printRatios } from "./measure.js";
import { endChild, endChildrenAtExit, startChild } from "./peers/children.js";
import { memoryOf } from "./peers/proc.js";
import { pause } from "./peers/waiting.js";

export const observeUsage = `       npm run bench -- observe [--rounds 5] [--idle 60] [--beside PROGRAM]
`;

const program = join(import.meta.dirname, "../../bin/gossipd.js");
const httpPort = 7_380;

/**
 * `without`: an agent that serves nothing of HTTP. `on`: TCP, Unix socket, token and journal, and nobody asks.
 * `asked`: the same after a visit to the page and three scrapes, with one event stream open. `beside`: another
 * program, such as an earlier version of ours.
 */
type Candidate = "without" | "on" | "asked" | "beside";

/**
 * The memory of an agent with all that others can look at, beside one without; all at the same time, a while
 * after their start. `rss` is what the system counts; each agent is alone in its cluster.
 */
export async function benchObserve(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "5" },
      idle: { type: "string", default: "60" },
      beside: { type: "string" },
    },
  });
  endChildrenAtExit();
  const folder = mkdtempSync(join(tmpdir(), "gossipd-bench-"));
  const candidates: Candidate[] = ["without", "on", "asked"];
  if (values.beside !== undefined) candidates.push("beside");
  const found = new Map<Candidate, number[]>(candidates.map((one) => [one, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const agents = candidates.map((candidate, index) => {
      const ip = `127.${60 + (process.pid % 180)}.${round % 256}.${10 + index}`;
      const bin = candidate === "beside" ? (values.beside ?? program) : program;
      return { candidate, ip, child: startAgent(bin, candidate, ip, folder) };
    });
    await pause(5_000);
    for (const { candidate, ip } of agents) if (candidate === "asked") await visit(ip);
    await pause(Number(values.idle) * 1_000);
    for (const { candidate, child } of agents) {
      found.get(candidate)?.push(memoryOf(child.pid as number).rss);
      await endChild(child);
    }
  }
  rmSync(folder, { recursive: true });
  const medians = Object.fromEntries(
    Array.from(found, ([candidate, rss]) => [candidate, median(rss)]),
  ) as Record<Candidate, number>;
  printRatios(`Memory of one agent, medians of ${values.rounds}`, "MB", medians, "without");
}

function startAgent(bin: string, candidate: Candidate, ip: string, folder: string): ChildProcess {
  const journal = join(folder, ip);
  const serving = [
    `-http-addr=${ip}:${httpPort}`,
    `-http-addr=unix:${journal}.sock`,
    `-handler-journal=${journal}`,
  ];
  const isServing = candidate === "on" || candidate === "asked";
  const own = [`-node=${candidate}`, `-bind=${ip}:7946`, `-rpc-addr=${ip}:7373`];
  return startChild(
    [process.execPath, bin],
    ["agent", ...own, "-event-handler=user:none=true", ...(isServing ? serving : [])],
    { stdio: "ignore", env: { ...process.env, ...(isServing ? { GOSSIPD_HTTP_TOKEN: "x" } : {}) } },
  );
}

/** What a browser asks for that shows the page, and a Prometheus. */
async function visit(ip: string): Promise<void> {
  const stream = connect(httpPort, ip);
  stream.write("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  stream.resume().on("error", () => {});
  const paths = ["/", "/v1/self", "/v1/members", "/v1/chronicle", "/v1/handlers"];
  for (const path of [...paths, "/metrics", "/metrics", "/metrics"]) {
    await (await fetch(`http://${ip}:${httpPort}${path}`)).text();
  }
}
