import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { inTurns, printRatios } from "./measure.js";

const bin = fileURLToPath(new URL("../../bin/gossipd.js", import.meta.url));
const idleMillis = 8_000;

type Program = "serf" | "gossipd";

const command: Record<Program, readonly string[]> = {
  serf: ["serf"],
  gossipd: [process.execPath, bin],
};

/** Holds one UDP and one TCP socket and does nothing: what any agent on Node.js costs at least. */
const bareNode = [
  process.execPath,
  "-e",
  `require("node:dgram").createSocket("udp4").bind(0, "127.0.0.1");
   require("node:net").createServer().listen(0, "127.0.0.1");`,
];

let host = 1;
const nextIp = (): string => `127.${230 + (process.pid % 20)}.${process.pid % 250}.${host++}`;

function startAgent(program: Program): { child: ChildProcess; ip: string } {
  const ip = nextIp();
  const [file, ...args] = command[program];
  const child = spawn(
    file as string,
    [...args, "agent", `-node=${ip}`, `-bind=${ip}`, `-rpc-addr=${ip}:7373`],
    { stdio: "ignore" },
  );
  return { child, ip };
}

async function accepts(ip: string): Promise<boolean> {
  const socket = connect(7373, ip);
  const accepted = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "error").then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return accepted;
}

async function untilAccepts(ip: string): Promise<void> {
  for (let tries = 0; tries < 5_000; tries += 1) {
    if (await accepts(ip)) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`no RPC at ${ip}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "close");
  }
}

async function startMillis(program: Program): Promise<number> {
  const start = performance.now();
  const { child, ip } = startAgent(program);
  await untilAccepts(ip);
  const took = performance.now() - start;
  await end(child);
  return took;
}

function runMillis(file: string, args: readonly string[]): number {
  const start = performance.now();
  const { status, error } = spawnSync(file, args, { stdio: "ignore" });
  if (error !== undefined || status !== 0) throw error ?? new Error(`${file} exited ${status}`);
  return performance.now() - start;
}

/** Resident megabytes and CPU milliseconds per second of a process that idles; ends it. */
async function idle(child: ChildProcess): Promise<{ rss: number; cpu: number }> {
  await new Promise((resolve) => setTimeout(resolve, idleMillis / 2));
  const before = cpuTicks(child);
  await new Promise((resolve) => setTimeout(resolve, idleMillis / 2));
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const rss = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  const cpu = ((cpuTicks(child) - before) * 10) / (idleMillis / 2 / 1000);
  await end(child);
  return { rss, cpu };
}

/** Ticks of 10 ms that the process has used. */
function cpuTicks(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Start-up, client command and idle cost beside Serf's and beside a bare Node.js process. */
export async function benchProcesses(rounds: number): Promise<void> {
  const bare = (): number => runMillis(process.execPath, ["-e", "0"]);
  printRatios(
    "start to RPC ready",
    "ms",
    await inTurns(rounds, {
      "node -e 0": bare,
      gossipd: () => startMillis("gossipd"),
      serf: () => startMillis("serf"),
    }),
    "node -e 0",
  );

  const { child: server, ip } = startAgent("serf");
  await untilAccepts(ip);
  const members = ["members", `-rpc-addr=${ip}:7373`];
  printRatios(
    "members, end to end",
    "ms",
    await inTurns(rounds, {
      "node -e 0": bare,
      gossipd: () => runMillis(process.execPath, [bin, ...members]),
      serf: () => runMillis("serf", members),
    }),
    "node -e 0",
  );
  await end(server);

  const node = await idle(spawn(bareNode[0] as string, bareNode.slice(1), { stdio: "ignore" }));
  const gossipd = await idle(startAgent("gossipd").child);
  const serf = await idle(startAgent("serf").child);
  printRatios(
    "resident memory, idle",
    "MB",
    { "bare node": node.rss, gossipd: gossipd.rss, serf: serf.rss },
    "bare node",
  );
  printRatios("CPU, idle", "ms/s", { gossipd: gossipd.cpu, serf: serf.cpu }, "serf");
}
