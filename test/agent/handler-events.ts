import type { Fields, Log } from "../../src/base/log.js";
import type {
  Member,
  MemberEvent,
  MemberEventKind,
  QueryEvent,
  UserEvent,
} from "../../src/serf/events.js";

const versions = { min: 1, max: 5, current: 5 };

/** A member; 10.0.0.1:7946 and alive unless said otherwise. */
export function member(
  name: string,
  parts: {
    readonly ip?: readonly number[];
    readonly port?: number;
    readonly tags?: Readonly<Record<string, string>>;
    readonly status?: Member["status"];
  } = {},
): Member {
  const { ip = [10, 0, 0, 1], port = 7946, tags = {}, status = "alive" } = parts;
  return {
    name,
    address: { ip: Uint8Array.from(ip), port },
    tags: new Map(Object.entries(tags)),
    status,
    protocol: versions,
    delegate: versions,
  };
}

export function memberEvent(kind: MemberEventKind, ...members: Member[]): MemberEvent {
  return { kind, members };
}

export function userEvent(name: string, payload = "", ltime = 7): UserEvent {
  return { kind: "user", ltime, name, payload: Buffer.from(payload), coalesce: false };
}

export function query(
  name: string,
  { payload = "", id = 1, deadline = Number.POSITIVE_INFINITY } = {},
): QueryEvent {
  return {
    kind: "query",
    id,
    ltime: 9,
    name,
    payload: Buffer.from(payload),
    deadline,
    from: "asker",
  };
}

/** A log that keeps its lines as `LEVEL message`, with the fields behind them. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const line = (level: string) => (fields: Fields, message: string) => {
    const facts = Object.keys(fields).length === 0 ? "" : ` ${JSON.stringify(fields)}`;
    lines.push(`${level} ${message}${facts}`);
  };
  return {
    lines,
    trace: line("TRACE"),
    debug: line("DEBUG"),
    info: line("INFO"),
    warn: line("WARN"),
    error: line("ERR"),
  };
}
