import { OperatorError } from "../../base/errors.js";
import type { Observation, ServedServer } from "../model.js";
import type { MasterSocket } from "./master-socket.js";
import { canonicalIp } from "./server-lines.js";

/** The newest of them are asked; more is the governor's business. */
const mostAsked = 8;

/**
 * What is seen, with what processes of earlier configurations have under way on servers that get no new
 * requests: they are asked through their master. The process that serves knows nothing of that, and so
 * would let a server stop in the middle of a download that began before a reload. (They cannot be told
 * to drain: `Proxy is disabled.` is all they answer to that, measured on 2.6.)
 */
export async function withOldWorkers(
  seen: Observation,
  master: MasterSocket,
  pids: readonly number[],
  backends: ReadonlyMap<string, string>,
): Promise<Observation> {
  const isLeaving = ({ state }: ServedServer): boolean => state !== "ready";
  if (pids.length === 0 || !seen.servers.some(isLeaving)) return seen;
  const counts = new Map<string, number>();
  for (const pid of pids.slice(-mostAsked)) {
    await countSessions(master, pid, counts);
  }
  if (counts.size === 0) return seen;
  const servers = seen.servers.map((server) => {
    const backend = backends.get(server.pool) ?? server.pool;
    const more = counts.get(keyOf(backend, server.ip, server.port)) ?? 0;
    return isLeaving(server) && more > 0 ? { ...server, inUse: server.inUse + more } : server;
  });
  return { ...seen, servers };
}

/** Adds the sessions of one process by backend and address: the names of its servers may be others. */
async function countSessions(
  master: MasterSocket,
  pid: number,
  counts: Map<string, number>,
): Promise<void> {
  try {
    const sessions = await master.ask(`@!${pid} show sess`);
    const busy = [...sessions.matchAll(/ be=(\S+) srv=(\S+) /g)].filter(
      ([, , name]) => name !== "<none>",
    );
    if (busy.length === 0) return;
    const addresses = readAddresses(await master.ask(`@!${pid} show servers state`));
    for (const [, backend = "", name = ""] of busy) {
      const key = addresses.get(`${backend}/${name}`);
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  } catch (error) {
    // It may have ended since its master named it.
    if (!(error instanceof OperatorError)) throw error;
  }
}

function readAddresses(states: string): ReadonlyMap<string, string> {
  const [, header = "", ...rows] = states.split("\n");
  const names = header.replace(/^# /, "").split(" ");
  return new Map(
    rows.flatMap((row): [string, string][] => {
      const cells = row.split(" ");
      const cell = (name: string): string => cells[names.indexOf(name)] ?? "";
      const ip = canonicalIp(cell("srv_addr"));
      if (ip === undefined) return [];
      const key = keyOf(cell("be_name"), ip, Number(cell("srv_port")));
      return [[`${cell("be_name")}/${cell("srv_name")}`, key]];
    }),
  );
}

function keyOf(backend: string, ip: string, port: number): string {
  return `${backend} ${ip} ${port}`;
}
