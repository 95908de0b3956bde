import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "hono";
import type { Connection } from "./connection.js";
import { Refusal } from "./refusal.js";

/** What stands behind a request in Hono's own form. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly connection: Connection;
}

export type HttpEnv = { readonly Bindings: Exchange };

export type HttpContext = Context<HttpEnv>;

/** Answers that are larger are not begun while clients owe us the taking of too many. */
const smallBytes = 4_096;

/** Refuses what is not the place of a small answer while clients leave too much untaken. */
export function refuseWhileUnsent({ env: { connection } }: HttpContext, limit: number): void {
  if (connection.unsentBytes <= limit) return;
  throw new Refusal(503, "clients have not taken what was sent to them", "Try again in a while.");
}

/** An answer of JSON. */
export function json(c: HttpContext, value: unknown, status: 200 | 503 = 200): Response {
  return textual(c, JSON.stringify(value), "application/json", status);
}

export function textual(
  c: HttpContext,
  text: string,
  contentType: string,
  status: 200 | 503 = 200,
): Response {
  const { connection, outgoing } = c.env;
  const bytes = Buffer.byteLength(text);
  if (bytes > smallBytes) {
    connection.owe(bytes);
    outgoing.once("close", () => connection.settle(bytes));
  }
  return c.body(text, status, { "content-type": contentType, "content-length": String(bytes) });
}
