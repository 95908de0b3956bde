import { formatIp, parseIp } from "../../base/address.js";
import type { RunCause, RunResult } from "../../observe/handler-run.js";
import type { Member } from "../../serf/events.js";
import { maxLost, type RunEnd, type RunRecord } from "./run-record.js";

/** One line of the journal's file. */
export type JournalLine =
  /** The first one. */
  | { readonly kind: "head"; readonly nextId: number }
  /** A run began; `names` are those of all members that it is told of. */
  | { readonly kind: "begun"; readonly run: Omit<RunRecord, "message" | "end"> }
  | { readonly kind: "ended"; readonly id: number; readonly end: RunEnd }
  /** The members that a script believes to be here, at the time when the file was written anew. */
  | { readonly kind: "seen"; readonly script: string; readonly present: readonly string[] };

/** With its newline. */
export function formatLine(line: JournalLine): string {
  return `${JSON.stringify(plain(line))}\n`;
}

/** Undefined if the text is no line of a journal. */
export function parseLine(text: string): JournalLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Fields;
  if ("gossipdHandlerJournal" in fields) return readHead(fields);
  if ("run" in fields) return readBegun(fields);
  if ("ended" in fields) return readEnded(fields);
  return "present" in fields ? readSeen(fields) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** The form of the file; a later one that an older agent cannot read gets another number. */
const version = 1;

/** JSON with camelCase keys and ISO 8601 times, for those who read the file with other programs. */
function plain(line: JournalLine): object {
  switch (line.kind) {
    case "head":
      return { gossipdHandlerJournal: version, nextId: line.nextId };
    case "begun": {
      const { id, lost, startedAt, ...rest } = line.run;
      const start = { run: id, startedAt: new Date(startedAt).toISOString(), ...rest };
      return lost.length === 0 ? start : { ...start, lost: lost.map(plainMember) };
    }
    case "ended": {
      const { took, ...rest } = line.end;
      return { ended: line.id, tookMillis: took, ...rest };
    }
    case "seen":
      return { script: line.script, present: line.present };
  }
}

function readHead({ gossipdHandlerJournal, nextId }: Fields): JournalLine | undefined {
  if (gossipdHandlerJournal !== version || !isCount(nextId)) return undefined;
  return { kind: "head", nextId };
}

function readBegun(fields: Fields): JournalLine | undefined {
  const { again, attempt, cause, count, event, filters, lost = [], names, run, script } = fields;
  const startedAt = Date.parse(String(fields.startedAt));
  if (!isCount(run) || !isCount(attempt) || !isCount(count) || Number.isNaN(startedAt)) return;
  if (typeof script !== "string" || typeof event !== "string" || !isCause(cause)) return;
  if (!isTexts(names) || !isTexts(filters) || !Array.isArray(lost)) return;
  const members = lost.slice(0, maxLost).flatMap((one) => readMember(one) ?? []);
  return {
    kind: "begun",
    run: {
      id: run,
      script,
      filters,
      event,
      names,
      count,
      startedAt,
      attempt,
      cause,
      again: again === true,
      lost: members,
    },
  };
}

function readEnded({
  ended,
  exitStatus,
  failure,
  output,
  result,
  tookMillis,
}: Fields): JournalLine | undefined {
  if (!isCount(ended) || !isEnd(result) || typeof output !== "string") return;
  const end = {
    result,
    took: typeof tookMillis === "number" ? tookMillis : null,
    failure: typeof failure === "string" ? failure : null,
    exitStatus: typeof exitStatus === "number" ? exitStatus : null,
    output,
  };
  return { kind: "ended", id: ended, end };
}

function readSeen({ present, script }: Fields): JournalLine | undefined {
  if (typeof script !== "string" || !isTexts(present)) return undefined;
  return { kind: "seen", script, present };
}

function plainMember({ address, name, status, tags }: Member): object {
  const { ip, port } = address;
  return { name, ip: formatIp(ip), port, status, tags: Object.fromEntries(tags) };
}

function readMember(value: unknown): Member | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { ip, name, port, status, tags } = value as Fields;
  if (typeof name !== "string" || typeof ip !== "string" || !isCount(port)) return undefined;
  if (status !== "left" && status !== "failed") return undefined;
  if (typeof tags !== "object" || tags === null) return undefined;
  const bytes = parseIp(ip);
  if (bytes === undefined) return undefined;
  const pairs = Object.entries(tags).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
  return { name, address: { ip: bytes, port }, tags: new Map(pairs), status, ...noVersions };
}

/** Scripts are not told of versions. */
const noVersions = {
  protocol: { min: 0, max: 0, current: 0 },
  delegate: { min: 0, max: 0, current: 0 },
};

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

const causes: ReadonlySet<unknown> = new Set<RunCause>(["event", "retry", "rerun", "recovery"]);
const ends: ReadonlySet<unknown> = new Set<RunResult>([
  "ok",
  "failed",
  "timed out",
  "stopped",
  "interrupted",
]);

function isCause(value: unknown): value is RunCause {
  return causes.has(value);
}

function isEnd(value: unknown): value is RunEnd["result"] {
  return ends.has(value);
}
