import { OperatorError } from "../../base/errors.js";
import type { Instant } from "../../base/units.js";
import type { Observation, ServedServer } from "../model.js";
import { byPoolAndName } from "../served-order.js";
import type { RuntimeSocket } from "./runtime-socket.js";
import { canonicalIp, type ServerLine } from "./server-lines.js";

/** Where a pool lives in HAProxy's file. */
export interface RuntimePool {
  readonly pool: string;
  /** The `backend` or `listen` section around its markers. */
  readonly backend: string;
  /** The pool's server lines in the file: they say whose a slot is. */
  readonly lines: readonly ServerLine[];
  /** Servers of the backend that are not between the pool's markers: none of ours. */
  readonly foreign?: ReadonlySet<string>;
}

/** Asks a running HAProxy for all that concerns the pools, in one batch. Never throws OperatorError. */
export async function observeHaproxy(
  socket: RuntimeSocket,
  now: () => Instant,
  pools: readonly RuntimePool[],
): Promise<Observation> {
  try {
    const answers = await socket.ask(questionsAbout(pools));
    return readObservation(now(), pools, answers);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { at: now(), trouble: error.message, process: "", servers: [], lingering: 0 };
  }
}

/** The commands whose answers {@link readObservation} reads. */
export function questionsAbout(pools: readonly RuntimePool[]): readonly string[] {
  const backends = backendsOf(pools);
  return [
    "show info",
    ...backends.flatMap((name) => [`show servers state ${name}`, `show stat ${name} 4 -1`]),
  ];
}

/** Throws OperatorError if HAProxy does not answer as one does that has these pools. */
export function readObservation(
  at: Instant,
  pools: readonly RuntimePool[],
  answers: readonly string[],
): Observation {
  const backends = backendsOf(pools);
  const byBackend = new Map(
    backends.map((name, index) => [
      name,
      readServers(name, answers[1 + 2 * index] ?? "", answers[2 + 2 * index] ?? ""),
    ]),
  );
  const servers = pools.flatMap((pool) => {
    const lines = new Map(pool.lines.map((line) => [line.name, line]));
    const elsewhere = new Set(
      pools
        .filter((other) => other !== pool && other.backend === pool.backend)
        .flatMap((other) => other.lines.map((line) => line.name)),
    );
    return (byBackend.get(pool.backend) ?? [])
      .filter(({ name }) => !elsewhere.has(name) && pool.foreign?.has(name) !== true)
      .map((server) => ({
        ...server,
        pool: pool.pool,
        node: ownerOf(server, lines.get(server.name)),
      }));
  });
  return {
    at,
    trouble: undefined,
    process: readProcess(answers[0] ?? ""),
    servers: servers.sort(byPoolAndName),
    lingering: 0,
  };
}

/**
 * `pid@start` of the process that answered: another one after every restart and every reload. The
 * start keeps processes apart in containers, where each is number 1 or 7 again.
 */
function readProcess(info: string): string {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: (.*)$`, "m").exec(info)?.[1];
  const pid = field("Pid");
  if (pid === undefined) {
    throw new OperatorError(`no answer of HAProxy's to "show info": ${info.slice(0, 80)}`);
  }
  // Without a start, as before 2.5, the number has to do.
  return `${pid}@${field("Start_time_sec") ?? ""}`;
}

/** A slot is whose the file says it is, unless it has another address: then it is not known whose. */
function ownerOf(server: ServedServer, line: ServerLine | undefined): string | undefined {
  if (line === undefined || line.ip !== server.ip || line.port !== server.port) return undefined;
  return line.node;
}

/**
 * The bits of `srv_admin_state` that keep a server from all requests: maintenance set by somebody (1),
 * inherited from a tracked server (2), and by lack of an address (32). 4 only says that the file has
 * `disabled`, and stays when the server is made ready. 64 (no name known) comes with 32.
 */
const maintenanceBits = 0x01 | 0x02 | 0x20;

/** Drain set by somebody (8), or inherited (16). */
const drainBits = 0x08 | 0x10;

/** What the two answers for a backend say; none if it has no such backend. */
function readServers(backend: string, state: string, stat: string): readonly ServedServer[] {
  if (/^Can't find backend/.test(state)) return [];
  const stats = readStat(stat);
  return readState(backend, state).flatMap((row): readonly ServedServer[] => {
    const name = row("srv_name");
    const ip = canonicalIp(row("srv_addr"));
    if (name === "" || ip === undefined) return [];
    const numbers = stats.get(name);
    const stat = (column: string): number => Number(numbers?.(column) || 0);
    const admin = Number(row("srv_admin_state"));
    return [
      {
        pool: backend,
        name,
        node: undefined,
        ip,
        port: Number(row("srv_port")),
        weight: Number(row("srv_uweight")),
        state:
          (admin & maintenanceBits) !== 0 ? "maint" : (admin & drainBits) !== 0 ? "drain" : "ready",
        up: row("srv_op_state") !== "0",
        // Sessions count in every mode. Used connections alone would not do: none is counted in TCP mode
        // or with `http-reuse never` (measured). Both, since the one ends a moment before the other.
        inUse: Math.max(stat("scur"), stat("used_conn_cur")) + stat("qcur"),
        idle: stat("srv_icur"),
        unchangedFor: 1_000 * Number(row("srv_time_since_last_change")),
      },
    ];
  });
}

/** The cell of a column; empty if there is none. */
type Row = (column: string) => string;

/** `show servers state`: a version, the columns' names after `#`, then words between spaces. */
function readState(backend: string, answer: string): readonly Row[] {
  const [version, header = "", ...lines] = answer.split("\n");
  if (version?.trim() !== "1" || !header.startsWith("# ")) {
    throw new OperatorError(
      `not the state of the servers of ${backend}, as HAProxy tells it: ${answer.slice(0, 80)}`,
    );
  }
  const columns = indicesOf(header.slice(2).split(" "));
  return lines.map((line) => {
    const cells = line.split(" ");
    return (column) => cells[columns.get(column) ?? -1] ?? "";
  });
}

/** `show stat`, by server: comma-separated, the columns' names after `#`, some cells in quotes. */
function readStat(answer: string): ReadonlyMap<string, Row> {
  const [header = "", ...lines] = answer.split("\n");
  if (!header.startsWith("# ")) return new Map();
  const columns = indicesOf(header.slice(2).split(","));
  return new Map(
    lines.map((line) => {
      // Nothing that is read here is quoted, but what stands before it may be.
      const cells = line.includes('"')
        ? line.replace(/"(?:[^"]|"")*"/g, "").split(",")
        : line.split(",");
      const row: Row = (column) => cells[columns.get(column) ?? -1] ?? "";
      return [row("svname"), row];
    }),
  );
}

function indicesOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, index) => [name, index]));
}

function backendsOf(pools: readonly RuntimePool[]): readonly string[] {
  return [...new Set(pools.map(({ backend }) => backend))];
}
