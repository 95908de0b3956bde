import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Endpoint } from "./endpoint.js";
import type { EventLog, Resumption } from "./event-log.js";
import { type EventStreams, streamHeaders } from "./event-streams.js";
import type { HttpContext } from "./exchange.js";
import { Parameters } from "./parameters.js";
import { Refusal } from "./refusal.js";

/** What happens, as it happens (server-sent events). */
export function eventsEndpoint(log: EventLog, streams: EventStreams): Endpoint {
  return {
    method: "GET",
    path: "/v1/events",
    answer: (c) => {
      const begin = beginOf(c, log);
      if (c.req.method === "HEAD") return c.body(null, 200, streamHeaders);
      streams.open(c.env.outgoing, begin);
      return RESPONSE_ALREADY_SENT;
    },
  };
}

/** A browser that comes back says where it was; others may say it, or a time, as a parameter. */
function beginOf(c: HttpContext, log: EventLog): Resumption {
  const since = new Parameters(c, ["since"]).text("since");
  const last = c.env.incoming.headers["last-event-id"];
  if (typeof last === "string" && last !== "") {
    // What is no id at all is that of another server.
    return log.after(last) ?? { seq: log.next, reset: { why: "restarted" } };
  }
  if (since === undefined) return { seq: log.next, reset: undefined };
  return log.after(since) ?? log.since(timeOf(since));
}

function timeOf(text: string): string {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new Refusal(
    400,
    "since has to be the id of an event, or a time",
    "As in since=2026-01-31T12:00:00Z.",
  );
}
