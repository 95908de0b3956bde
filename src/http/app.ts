import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener, RequestError } from "@hono/node-server";
import { bodyLimit } from "hono/body-limit";
import { Hono } from "hono/tiny";
import { InvariantError, OperatorError, reasonOf } from "../base/errors.js";
import { changingEndpoints } from "./changing.js";
import type { Connection } from "./connection.js";
import type { Endpoint } from "./endpoint.js";
import type { EventLog } from "./event-log.js";
import type { EventStreams } from "./event-streams.js";
import { type HttpEnv, refuseWhileUnsent } from "./exchange.js";
import { refuseStrangers, requireToken } from "./guard.js";
import type { HttpHost } from "./host.js";
import type { HttpLimits } from "./limits.js";
import { bundledPage, pageEndpoint } from "./page.js";
import { readingEndpoints } from "./reading.js";
import { Refusal } from "./refusal.js";
import { eventsEndpoint } from "./streaming.js";

export interface AppParts {
  readonly host: HttpHost;
  readonly limits: HttpLimits;
  readonly log: EventLog;
  readonly streams: EventStreams;
  /** Undefined: where the bundle has it. */
  readonly page: URL | undefined;
}

/** Answers one request. */
export type Answer = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  connection: Connection,
) => void;

/** On every answer: nothing here is for caches, other pages, or guessing. */
const commonHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Answers that are given however much clients have not taken: they are small, and watched by machines. */
const alwaysAnswered = ["/healthz", "/readyz"];

/** Each thing that can be asked for. */
export function endpointsOf({ host, limits, log, page, streams }: AppParts): readonly Endpoint[] {
  return [
    pageEndpoint(page ?? bundledPage),
    ...readingEndpoints(host),
    eventsEndpoint(log, streams),
    ...changingEndpoints(host, limits),
  ];
}

/** What answers requests; it is loaded with the first one. */
export function openApp(parts: AppParts): Answer {
  const { host, limits } = parts;
  const app = new Hono<HttpEnv>();
  app.use(async (c, next) => {
    for (const [name, value] of Object.entries(commonHeaders))
      c.env.outgoing.setHeader(name, value);
    await next();
  });
  app.use(refuseStrangers);
  app.use(async (c, next) => {
    if (!alwaysAnswered.includes(c.req.path)) refuseWhileUnsent(c, limits.unsentBytes);
    await next();
  });
  const endpoints = endpointsOf(parts);
  const changes = [
    requireToken(host),
    bodyLimit({
      maxSize: limits.bodyBytes,
      onError: () => {
        throw new Refusal(413, `the body is larger than ${limits.bodyBytes} bytes`);
      },
    }),
  ] as const;
  for (const { answer, method, path } of endpoints) {
    if (method === "POST") app.post(path, ...changes, answer);
    else app.get(path, answer);
  }
  for (const path of new Set(endpoints.map((endpoint) => endpoint.path))) {
    const methods = endpoints.filter((one) => one.path === path).map(({ method }) => method);
    app.all(path, (c) => {
      c.env.outgoing.setHeader("allow", methods.includes("GET") ? ["HEAD", ...methods] : methods);
      throw new Refusal(405, `${path} takes ${methods.join(" and ")} only`);
    });
  }
  app.notFound(() => {
    throw new Refusal(
      404,
      "there is nothing at this path",
      "See /v1/openapi.json for all there is.",
    );
  });
  app.onError((error, c) => {
    const { body, status } = refusalFor(error, host);
    if (status === 401) c.env.outgoing.setHeader("www-authenticate", 'Bearer realm="gossipd"');
    if (status === 503) c.env.outgoing.setHeader("retry-after", "2");
    return c.json(body, status);
  });
  return (incoming, outgoing, connection) => {
    const answer = getRequestListener(
      (request) => app.fetch(request, { incoming, outgoing, connection }),
      {
        overrideGlobalObjects: false,
        hostname: "localhost",
        errorHandler: (error) => {
          const { body, status } = refusalFor(error, host);
          return Response.json(body, { status, headers: commonHeaders });
        },
      },
    );
    void answer(incoming, outgoing);
  };
}

function refusalFor(error: unknown, { log }: HttpHost): Refusal {
  if (error instanceof Refusal) return error;
  // Its Host header or its path is none: there is nothing yet that could be asked.
  if (error instanceof RequestError) {
    return new Refusal(400, "the Host header or the target of the request is none");
  }
  if (error instanceof OperatorError) return new Refusal(400, error.message);
  // Ours, so the agent stops: not here, where it would be an answer.
  if (error instanceof InvariantError) {
    setImmediate(() => {
      throw error;
    });
  }
  log.error({ reason: reasonOf(error) }, "http request failed");
  return new Refusal(500, "the agent failed to answer", "Its log says why.");
}
