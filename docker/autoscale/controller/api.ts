import { createServer, type Server as HttpServer } from "node:http";
import type { EventLog } from "./event-log.ts";
import { metricsText } from "./metrics-text.ts";
import type { PoolReport } from "./pool.ts";
import type { Server } from "./servers.ts";

export interface Views {
  readonly pools: () => readonly (PoolReport | undefined)[];
  readonly events: EventLog;
  /** Addresses with ports at which agents tell their numbers. */
  readonly targets: () => readonly string[];
  /** About the controller itself. */
  readonly self: () => Readonly<Record<string, unknown>>;
  /** ms between two checks. */
  readonly checkInterval: number;
  /** ms since the last check that succeeded; undefined before the first. */
  readonly sinceCheck: () => number | undefined;
}

const endpoints = {
  "/": "the pools in short, and these endpoints",
  "/status": "whether the controller does its work; status 503 if not",
  "/servers": "every container, and how far it is",
  "/services": "every pool: its size, its bounds, and why it is as it is",
  "/services/NAME/stats": "the load of a pool against its thresholds",
  "/events": "what happened lately, the newest first; ?limit=N",
  "/metrics": "the same numbers for Prometheus",
  "/targets": "the agents of all members that are alive, for http_sd_configs of Prometheus",
};

/** What is answered: an object as JSON, a text as Prometheus wants it. */
interface Answer {
  readonly status: number;
  readonly body: object | string;
}

/** The HTTP endpoints. They only read: nothing can be changed by them. */
export function createApi(views: Views): HttpServer {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    const { status, body } = answerTo(views, request.method ?? "GET", request.url ?? "/");
    const isText = typeof body === "string";
    const type = isText ? "text/plain; version=0.0.4" : "application/json";
    response.writeHead(status, { "content-type": type });
    response.end(isText ? body : `${JSON.stringify(body, null, 2)}\n`);
  });
}

function answerTo(views: Views, method: string, url: string): Answer {
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, body: { error: "nothing can be changed here" } };
  }
  const [, path = "/", query = ""] = /^([^?]*)\??(.*)$/s.exec(url) ?? [];
  const pools = views.pools().filter((pool) => pool !== undefined);
  const [, name] = /^\/services\/([^/]+)\/stats$/.exec(path) ?? [];
  const pool = pools.find(({ service }) => service.name === name);
  if (pool !== undefined) return { status: 200, body: statsOf(pool) };
  switch (path) {
    case "/":
      return { status: 200, body: { services: pools.map(summaryOf), endpoints } };
    case "/status": {
      const status = statusOf(views, pools);
      return { status: status.ok ? 200 : 503, body: status };
    }
    case "/servers":
      return { status: 200, body: pools.flatMap(serversOf) };
    case "/services":
      return { status: 200, body: pools.map(summaryOf) };
    case "/events": {
      const limit = Number(new URLSearchParams(query).get("limit") ?? 100);
      const count = Number.isInteger(limit) && limit > 0 ? limit : 100;
      return { status: 200, body: views.events.newest(count) };
    }
    case "/metrics":
      return { status: 200, body: metricsText(pools, views.sinceCheck()) };
    case "/targets":
      return { status: 200, body: [{ targets: views.targets() }] };
    default:
      return { status: 404, body: { error: "there is no such page", endpoints } };
  }
}

function statusOf(
  views: Views,
  pools: readonly PoolReport[],
): { readonly ok: boolean; readonly [more: string]: unknown } {
  const since = views.sinceCheck();
  const isOnTime = since !== undefined && since < 3 * views.checkInterval + 30_000;
  const short = pools.filter(({ counts, size }) => counts.ready < size.minimum);
  return {
    ok: isOnTime,
    lastCheck: since === undefined ? null : `${Math.round(since / 100) / 10} s ago`,
    belowMinimum: short.map(({ service }) => service.name),
    loadUnknown: pools
      .filter(({ service, load }) => [...service.thresholds.keys()].some((key) => !load.has(key)))
      .map(({ service }) => service.name),
    ...views.self(),
  };
}

function summaryOf({ service, size, isBusinessHours, decision, counts }: PoolReport): object {
  return {
    name: service.name,
    image: service.image,
    ...size,
    businessHours: service.businessHours === undefined ? null : isBusinessHours,
    target: decision?.target,
    servers: counts,
    reason: decision?.reason,
  };
}

function statsOf(pool: PoolReport): object {
  const { service, counts, load, queued, started, stopped, ended } = pool;
  const ready = Math.max(1, counts.ready);
  const metrics = [...service.thresholds].map(([metric, { grow, shrink }]) => {
    const total = load.get(metric);
    const each = total === undefined ? null : round(total / ready);
    return [metric, { total: total === undefined ? null : round(total), each, grow, shrink }];
  });
  const others = [...load].filter(([metric]) => !service.thresholds.has(metric));
  return {
    ...summaryOf(pool),
    load: Object.fromEntries(metrics),
    also: Object.fromEntries(others.map(([metric, total]) => [metric, round(total)])),
    queued: round(queued),
    started,
    stopped,
    ended,
  };
}

function serversOf({ service, servers }: PoolReport): object[] {
  const now = performance.now();
  return servers.map(({ container, phase, since }: Server) => ({
    name: container.name,
    service: service.name,
    container: container.id.slice(0, 12),
    address: container.address ?? null,
    phase,
    forSeconds: Math.round((now - since) / 1_000),
    created: new Date(container.createdAt).toISOString(),
  }));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
