import type { Millis } from "../../base/units.js";
import type { Pool, ServedServer, Server } from "../model.js";
import { additionOf, refusedOption } from "./dynamic-server.js";
import type { RuntimePool } from "./observe.js";
import { identityOf, namePattern, placeholder, type ServerLine } from "./server-lines.js";
import { slotNumber } from "./slots.js";

/** A pool with what should become of it; `lines` are those of the text that the file should hold. */
export interface PlannedPool extends RuntimePool {
  readonly desired: Pool;
  /** At most one server may be ready at any moment. */
  readonly exclusive: boolean;
  /** Requests under way on a draining server are ended then. */
  readonly drainLimit: Millis;
  /** Given if servers come by `add server` and go by `del server`; undefined: they come and go in slots. */
  readonly dynamic?: {
    /** The words of the `default-server` lines that servers of the file have. */
    readonly defaults: string;
  };
}

/** What should become of a slot. All but `ready` end in maintenance, at the address of the line. */
type Wish =
  | { readonly kind: "ready"; readonly server: Server }
  | { readonly kind: "drain" | "out"; readonly why: string; readonly urgent: boolean };

/** A server of the running process, or one that is to be added, and what the text says about it. */
export interface Slot {
  readonly served: ServedServer;
  /** Given if the process does not have it yet: `served` is what it will be then. */
  readonly addition: readonly string[] | undefined;
  /** To be deleted when it has been emptied. */
  readonly passing: boolean;
  readonly wish: Wish;
  readonly ip: string;
  readonly port: number;
  /** Whom it concerns, for people. */
  readonly who: string;
}

/**
 * The servers of the running process that are ours: those in the text, and those called as only we
 * call servers.
 */
export function slotsOf(pool: PlannedPool, served: readonly ServedServer[]): readonly Slot[] {
  const lines = new Map(pool.lines.map((line) => [line.name, line]));
  const members = new Map(pool.desired.servers.map((server) => [identityOf(server), server]));
  const successor = pool.lines.find(
    (line) => !line.disabled && members.get(identityOf(line))?.admission === "ready",
  );
  const { dynamic } = pool;
  const ours = (name: string): boolean =>
    lines.has(name) ||
    slotNumber(name) !== undefined ||
    (dynamic !== undefined && namePattern.test(name));
  const running = served.filter(({ name }) => ours(name));
  const additions = dynamic === undefined ? [] : additionsTo(pool, dynamic.defaults, running);
  return [...additions, ...running.map((server): Candidate => ({ server }))].map((one): Slot => {
    const { server } = one;
    const line = lines.get(server.name);
    const member = line === undefined ? undefined : members.get(identityOf(line));
    const wish = wishFor(line, member);
    const ends = pool.exclusive && wish.kind === "drain";
    // Of an exclusive pool nothing may go on that is not the one: writes to a former primary are lost.
    const hard = ends && (successor !== undefined || member === undefined);
    const { ip, port } = line ?? (server.state === "maint" ? server : placeholder);
    const who = line?.node ?? server.node ?? `${server.ip}:${server.port}`;
    const moved = line !== undefined && (line.ip !== server.ip || line.port !== server.port);
    return {
      served: server,
      addition: one.addition,
      passing: dynamic !== undefined && (line === undefined || moved),
      wish: hard ? { ...wish, kind: "out" } : wish,
      ...{ ip, port, who },
    };
  });
}

interface Candidate {
  readonly server: ServedServer;
  readonly addition?: readonly string[];
}

/** The servers of the text that the process does not have, as they are once they have been added. */
function additionsTo(
  pool: PlannedPool,
  defaults: string,
  running: readonly ServedServer[],
): readonly Candidate[] {
  const names = new Set(running.map(({ name }) => name));
  return pool.lines
    .filter((line) => !names.has(line.name) && refusedOption(line, defaults) === undefined)
    .map((line) => ({
      server: {
        ...{ pool: pool.pool, name: line.name, node: line.node, ip: line.ip, port: line.port },
        ...{ weight: line.weight ?? 1, state: "maint", up: true, inUse: 0 },
      },
      addition: additionOf(`${pool.backend}/${line.name}`, line, defaults),
    }));
}

function wishFor(line: ServerLine | undefined, member: Server | undefined): Wish {
  if (line === undefined) return { kind: "drain", why: "not in the file", urgent: false };
  if (line.node === undefined) return { kind: "drain", why: "nobody's", urgent: false };
  if (member === undefined) return { kind: "drain", why: "gone", urgent: false };
  const { admission, cause } = member;
  if (admission === "out") return { kind: "out", why: cause, urgent: true };
  if (admission === "drain") {
    return { kind: "drain", why: cause, urgent: cause === "suspected" || cause === "failed" };
  }
  if (line.disabled) return { kind: "drain", why: "has another slot", urgent: false };
  return { kind: "ready", server: member };
}
