import { type Address, formatAddress, parseIp } from "../base/address.js";
import type { LamportTime } from "../wire/serf-messages.js";
import type { Member, MemberEventKind } from "./events.js";
import { SnapshotTally } from "./snapshot-tally.js";

/** What one line of a snapshot file says (protocol.md section 5.15). */
export type SnapshotRecord =
  | { readonly kind: "alive"; readonly name: string; readonly address: Address }
  | { readonly kind: "not-alive"; readonly name: string }
  | { readonly kind: ClockKind; readonly ltime: LamportTime }
  | { readonly kind: "leave" };

type ClockKind = "clock" | "event-clock" | "query-clock";

/** What a snapshot file adds up to. The clocks are the last times that were seen. */
export interface SnapshotState {
  /** Where the members are that were here. */
  readonly alive: ReadonlyMap<string, Address>;
  readonly clock: LamportTime;
  readonly eventClock: LamportTime;
  readonly queryClock: LamportTime;
}

/** A replayed file. */
export interface Replay extends SnapshotState {
  /** Lines that say nothing we understand; they were skipped. */
  readonly unknown: readonly string[];
}

/** Unknown lines that are kept to be reported; the others are only skipped. */
const maxReported = 16;

/** What a change of a member adds to the file: nothing, if others are to be tried in its stead. */
export function recordOf(kind: MemberEventKind, member: Member): SnapshotRecord | undefined {
  switch (kind) {
    case "member-join":
      return { kind: "alive", name: member.name, address: member.address };
    case "member-leave":
    case "member-failed":
      return { kind: "not-alive", name: member.name };
    case "member-update":
    case "member-reap":
      return undefined;
  }
}

/**
 * The line of a record, newline included; undefined for a name with a newline, which would be read as
 * other lines (Serf writes it all the same).
 */
export function formatRecord(record: SnapshotRecord): string | undefined {
  switch (record.kind) {
    case "alive":
      if (record.name.includes("\n")) return undefined;
      return `alive: ${record.name} ${formatAddress(record.address)}\n`;
    case "not-alive":
      return record.name.includes("\n") ? undefined : `not-alive: ${record.name}\n`;
    case "clock":
    case "event-clock":
    case "query-clock":
      return `${record.kind}: ${record.ltime}\n`;
    case "leave":
      return "leave\n";
  }
}

/** The record of a line without its newline; "nothing" for a comment, undefined if it is neither. */
export function parseLine(line: string): SnapshotRecord | "nothing" | undefined {
  if (line.startsWith("#") || line.startsWith("coordinate: ")) return "nothing";
  if (line === "leave") return { kind: "leave" };
  const label = /^([a-z-]+): /.exec(line);
  if (label === null) return undefined;
  const rest = line.slice(label[0].length);
  switch (label[1]) {
    case "alive":
      return parseAlive(rest);
    case "not-alive":
      return { kind: "not-alive", name: rest };
    case "clock":
    case "event-clock":
    case "query-clock":
      return parseClock(label[1], rest);
    default:
      return undefined;
  }
}

/**
 * What a file adds up to. What follows its last newline was not written to the end and does not count.
 * A leave makes all before it void, unless `rejoinAfterLeave`.
 */
export function replaySnapshot(text: string, rejoinAfterLeave: boolean): Replay {
  const tally = new SnapshotTally(rejoinAfterLeave);
  const unknown: string[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const record = parseLine(line);
    if (record === "nothing") continue;
    if (record !== undefined) tally.add(record);
    else if (unknown.length < maxReported) unknown.push(line);
  }
  const { alive, clock, eventClock, queryClock } = tally;
  return { alive, clock, eventClock, queryClock, unknown };
}

/** The shortest file that says the same: all that are here, then the clocks. */
export function compactSnapshot(state: SnapshotState): string {
  const records: SnapshotRecord[] = Array.from(state.alive, ([name, address]) => ({
    kind: "alive",
    name,
    address,
  }));
  records.push(
    { kind: "clock", ltime: state.clock },
    { kind: "event-clock", ltime: state.eventClock },
    { kind: "query-clock", ltime: state.queryClock },
  );
  return records.map((record) => formatRecord(record) ?? "").join("");
}

/** The size from which on a file is to be compacted. */
export function compactionBytes(aliveCount: number): number {
  return Math.max(131_072, 256 * aliveCount);
}

function parseAlive(rest: string): SnapshotRecord | undefined {
  const space = rest.lastIndexOf(" ");
  const address = parseAddress(rest.slice(space + 1));
  if (space < 0 || address === undefined) return undefined;
  return { kind: "alive", name: rest.slice(0, space), address };
}

function parseAddress(text: string): Address | undefined {
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const ip = parseIp(bracketed ?? bare ?? "");
  if (ip === undefined || Number(port) > 65_535) return undefined;
  return { ip, port: Number(port) };
}

function parseClock(kind: ClockKind, rest: string): SnapshotRecord | undefined {
  const ltime = Number(rest);
  if (!/^\d+$/.test(rest) || !Number.isSafeInteger(ltime)) return undefined;
  return { kind, ltime };
}
