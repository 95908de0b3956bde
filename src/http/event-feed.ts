import type { Entry } from "../observe/chronicle.js";
import type { Deed } from "../observe/deed.js";
import type { RpcMember, StreamRecord, Unsubscribe } from "../rpc/api.js";
import type { EventLog } from "./event-log.js";
import type { HttpHost } from "./host.js";
import { base64, payloadText } from "./request-body.js";
import { timed } from "./timed-entry.js";

/** Members in one event; of more there are several, so that no event is too long for its readers. */
const membersPerEvent = 50;

type DeedEvent = "suspicion" | "handler" | "balancer" | "deed";

/** Which event tells of a deed; all others `deed`. */
const eventOf: { readonly [Kind in Deed["kind"]]?: DeedEvent } = {
  suspected: "suspicion",
  confirmed: "suspicion",
  cleared: "suspicion",
  accused: "suspicion",
  handler: "handler",
  applied: "balancer",
};

/** Writes down for the event streams what happens, until it is ended; `noted` is called each time. */
export function feedEvents(
  host: Pick<HttpHost, "api" | "describe" | "follow" | "wallClock">,
  log: EventLog,
  noted: () => void,
): Unsubscribe {
  const ends = [
    host.api.subscribe("*", (record) => {
      noteRecord(host, log, record);
      noted();
    }),
    host.follow((entry) => {
      noteEntry(log, entry);
      noted();
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

function noteRecord(
  host: Pick<HttpHost, "describe" | "wallClock">,
  log: EventLog,
  record: StreamRecord,
): void {
  const at = host.wallClock();
  switch (record.kind) {
    case "member":
      for (const some of parts(record.members)) {
        log.append("member", at, { at, event: record.event, members: host.describe(some) });
      }
      return;
    case "user": {
      const { coalesce, ltime, name, payload } = record;
      const told = { payload: payloadText(payload), payloadBase64: base64(payload) };
      log.append("user", at, { at, name, ltime, coalesce, ...told });
      return;
    }
    case "query": {
      const { ltime, name } = record;
      log.append("query", at, { at, name, ltime });
    }
  }
}

function noteEntry(log: EventLog, entry: Entry): void {
  const told = timed(entry);
  log.append(eventOf[entry.deed.kind] ?? "deed", told.at, told);
}

function* parts(members: readonly RpcMember[]): Iterable<readonly RpcMember[]> {
  for (let index = 0; index < members.length; index += membersPerEvent) {
    yield members.slice(index, index + membersPerEvent);
  }
}
