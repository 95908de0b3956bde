import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./exchange.js";
import type { HttpHost } from "./host.js";
import { Refusal } from "./refusal.js";
import { tokenCheck } from "./token.js";

/**
 * Keeps out what browsers send on behalf of foreign pages: names that were made to point at this machine
 * (DNS rebinding), and requests of other origins. Nothing allows these to read what they get (no CORS),
 * but an event stream would be held open.
 */
export const refuseStrangers: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const { connection, incoming } = c.env;
  if (!connection.isTrusted && isLoopback(incoming.socket.localAddress)) checkHost(incoming);
  const { "sec-fetch-mode": mode, "sec-fetch-site": site } = incoming.headers;
  if (site === "cross-site" && mode !== "navigate") {
    throw new Refusal(403, "pages of other sites are told nothing");
  }
  await next();
};

/** Lets through who may change something, and writes down that they do. An empty `token` is none. */
export function requireToken({
  log,
  token,
}: Pick<HttpHost, "log" | "token">): MiddlewareHandler<HttpEnv> {
  const isToken = token === "" ? undefined : tokenCheck(token);
  return async (c, next) => {
    const { connection, incoming } = c.env;
    if (!connection.isTrusted) checkToken(incoming, isToken);
    const client = connection.isTrusted ? "unix socket" : incoming.socket.remoteAddress;
    log.info({ client, path: c.req.path }, "http client changes something");
    await next();
  };
}

function checkToken(
  { headers: { authorization = "" } }: IncomingMessage,
  isToken: ((text: string) => boolean) | undefined,
): void {
  if (isToken === undefined) {
    throw new Refusal(
      403,
      "this agent has no http_token, so nothing can be changed over TCP",
      "Set http_token in its configuration, or use a Unix socket: -http-addr unix:/PATH.",
    );
  }
  const [, sent] = /^bearer +(\S+) *$/i.exec(authorization) ?? [];
  if (sent === undefined) {
    throw new Refusal(
      401,
      "a token is needed to change anything",
      "Send the agent's http_token: Authorization: Bearer TOKEN.",
    );
  }
  if (!isToken(sent)) {
    throw new Refusal(401, "the token is not that of this agent", "Compare it with http_token.");
  }
}

function checkHost({ headers: { host } }: IncomingMessage): void {
  // Only HTTP/1.0 comes without, and no browser speaks that.
  if (host === undefined) return;
  const name = host.replace(/:\d*$/, "").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost") || name === hostname().toLowerCase())
    return;
  if (isLoopback(name.replace(/^\[(.*)\]$/, "$1"))) return;
  throw new Refusal(
    403,
    "the name in the Host header is not one of this machine",
    "Use localhost or the address itself; a proxy in front has to send such a Host header.",
  );
}

function isLoopback(ip: string | undefined): boolean {
  if (ip === undefined) return false;
  return ip === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(ip);
}
