import type { QueryRecord } from "../rpc/api.js";
import type { Endpoint } from "./endpoint.js";
import { type HttpContext, json } from "./exchange.js";
import type { HttpHost } from "./host.js";
import type { HttpLimits } from "./limits.js";
import { askOf, refuseWithoutBalancer } from "./reading.js";
import { Refusal } from "./refusal.js";
import { base64, payloadText, RequestBody, readText } from "./request-body.js";

/** A longer one is for RPC clients. */
const longestQuery = 60_000;

/** Answers of a query that are collected; of more the rest is left out. */
const maxAnswerBytes = 4 * 1_048_576;

interface Answers {
  readonly acks: string[];
  readonly responses: {
    readonly from: string;
    readonly payload: string | null;
    readonly payloadBase64: string;
  }[];
  /** True if there were more than fit. */
  readonly truncated: boolean;
}

/** What changes something in the cluster or the agent; each needs the token. */
export function changingEndpoints(host: HttpHost, limits: HttpLimits): readonly Endpoint[] {
  let queries = 0;
  const post = (path: string, answer: Endpoint["answer"]): Endpoint => ({
    method: "POST",
    path,
    answer,
  });
  return [
    post("/v1/event", async (c) => {
      const body = await RequestBody.read(c, ["name", "payload", "payloadBase64", "coalesce"]);
      host.api.userEvent(body.required("name"), body.payload(), body.flag("coalesce", true));
      return json(c, { sent: true });
    }),
    post("/v1/query", async (c) => {
      if (queries >= limits.queries) throw new Refusal(503, "too many queries are under way");
      queries += 1;
      try {
        return json(c, await collectAnswers(host, c, await RequestBody.read(c, queryFields)));
      } finally {
        queries -= 1;
      }
    }),
    post("/v1/lb", async (c) => {
      const order = await readText(c);
      if (host.lbStatus() === undefined) refuseWithoutBalancer();
      return json(c, { done: host.lbOrder(order) });
    }),
    post("/v1/handlers/rerun", async (c) => {
      const body = await RequestBody.read(c, ["id", "script", "waitMillis"]);
      const id = body.integer("id", 1, Number.MAX_SAFE_INTEGER);
      const script = body.text("script");
      const wait = body.integer("waitMillis", 0, longestQuery) ?? 0;
      const which = {
        ...(id === undefined ? {} : { id }),
        ...(script === undefined ? {} : { script }),
      };
      stayOpen(c, wait);
      return json(c, await askOf(host)("handlers-rerun", { ...which, wait }));
    }),
  ];
}

const queryFields = [
  "name",
  "payload",
  "payloadBase64",
  "nodes",
  "tags",
  "acks",
  "relayFactor",
  "timeoutMillis",
];

/** Until the query is over, or the client goes away. */
function collectAnswers(host: HttpHost, c: HttpContext, body: RequestBody): Promise<Answers> {
  const timeout = body.integer("timeoutMillis", 1, longestQuery);
  const question = {
    name: body.required("name"),
    payload: body.payload(),
    filterNodes: body.texts("nodes"),
    filterTags: body.pairs("tags"),
    requestAck: body.flag("acks", false),
    relayFactor: body.integer("relayFactor", 0, 255) ?? 0,
    timeout,
  };
  stayOpen(c, timeout ?? longestQuery);
  const acks: string[] = [];
  const responses: Answers["responses"] = [];
  let room = maxAnswerBytes;
  let truncated = false;
  return new Promise((resolve) => {
    const take = (record: QueryRecord): void => {
      if (record.kind === "done") {
        resolve({ acks, responses, truncated });
        return;
      }
      room -= record.from.length + (record.kind === "response" ? record.payload.length : 0);
      if (room < 0) {
        truncated = true;
      } else if (record.kind === "ack") {
        acks.push(record.from);
      } else {
        const { from, payload } = record;
        responses.push({ from, payload: payloadText(payload), payloadBase64: base64(payload) });
      }
    };
    const end = host.api.query(question, take);
    c.env.outgoing.once("close", end);
  });
}

/** A connection on which nothing happens for so long is right while something is waited for. */
function stayOpen(c: HttpContext, wait: number): void {
  const { socket } = c.env.incoming;
  const { timeout = 0 } = socket;
  if (timeout > 0 && timeout < 2 * longestQuery) socket.setTimeout(timeout + wait);
}
