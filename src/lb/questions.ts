import { parseDuration } from "../base/duration.js";
import { OperatorError } from "../base/errors.js";
import type { Bytes, Instant } from "../base/units.js";
import { isObject, present } from "./json-object.js";
import type { DrainAnswer, LbOrder, LoadBalancer } from "./load-balancer.js";
import type { LbStatus, VirtualIpStatus } from "./status.js";

/**
 * The queries that a member with balancers answers: in lines of JSON, so that a script of plain Serf can
 * ask and answer them too.
 */
export const lbQuestions = ["lb-drained", "lb-status", "lb-order"] as const;

/** Serf takes answers of up to 1,024 bytes, with its own part in them. */
const answerBytes = 1_000;

/** A balancer in an answer to `lb-status`. */
export interface StatusAnswer {
  readonly balancer: string;
  /** Of what is wanted and of what is served; null if unknown. */
  readonly version: string | null;
  readonly applied: string | null;
  readonly ok: boolean;
  readonly holds: number;
  readonly reason: string | null;
}

/** The address that moves between balancers in an answer to `lb-status`. */
export interface AddressAnswer {
  /** With its prefix. */
  readonly address: string;
  readonly holds: boolean;
  readonly state: string;
  /** As far as the member knows; empty: nobody. */
  readonly holder: string;
}

/** What stands before the reason when an order could not be carried out. */
export const orderFailure = "error: ";

/**
 * The answer to the query `name`; undefined if it is not for a balancer, or for none of these.
 *
 * The payload is a stranger's: what is wrong with it is said in the answer.
 */
export function answerQuestion(
  balancer: Pick<LoadBalancer, "drained" | "order" | "status">,
  name: string,
  payload: Bytes,
  now: Instant,
): string | undefined {
  const text = new TextDecoder().decode(payload);
  switch (name) {
    case "lb-drained":
      return drainedLines(balancer.drained(text.trim()));
    case "lb-status":
      return statusLines(balancer.status());
    case "lb-order":
      return carryOut(balancer, text, now);
    default:
      return undefined;
  }
}

/** The node that is still served goes first: if not all fit, it is the ones that are done with it that go. */
const urgency = ["serving", "unknown", "draining", "out"];

function drainedLines(answers: readonly DrainAnswer[]): string | undefined {
  const sorted = answers.toSorted(
    (one, other) => urgency.indexOf(one.state) - urgency.indexOf(other.state),
  );
  return fitting(
    sorted.map(({ balancer, node, state, inUse }) =>
      JSON.stringify({ balancer, node, state, inUse }),
    ),
  );
}

function statusLines({ balancers, virtualIp }: LbStatus): string | undefined {
  // What is wrong goes first, and reasons are cut so that all have room.
  const sorted = balancers.toSorted((one, other) => Number(one.ok) - Number(other.ok));
  const shares = sorted.length + (virtualIp === null ? 0 : 1);
  const room = Math.floor(answerBytes / Math.max(1, shares)) - 200;
  const lines = sorted.map(({ name, version, applied, ok, holds, reason }) => {
    const line = { balancer: name, version, applied, ok, holds: holds.length };
    return JSON.stringify({ ...line, reason: reason === null ? null : cut(reason, room) });
  });
  return fitting(virtualIp === null ? lines : [addressLine(virtualIp), ...lines]);
}

function addressLine({ address, holder, state }: VirtualIpStatus): string {
  const holds = state === "holds" || state === "yields";
  return JSON.stringify({ address, holds, state, holder: cut(holder ?? "", 130) });
}

function cut(text: string, length: number): string {
  const room = Math.max(40, length);
  return text.length <= room ? text : `${text.slice(0, room - 3)}...`;
}

/** As many whole lines as an answer may have; undefined if there are none. */
function fitting(lines: readonly string[]): string | undefined {
  let text = "";
  for (const line of lines) {
    if (Buffer.byteLength(text) + Buffer.byteLength(line) + 1 > answerBytes) break;
    text += `${line}\n`;
  }
  return text === "" ? undefined : text;
}

function carryOut(
  balancer: Pick<LoadBalancer, "order" | "status">,
  text: string,
  now: Instant,
): string | undefined {
  try {
    const order = parseOrder(text, now);
    const { balancer: name } = order;
    const known = balancer.status().balancers.some((one) => one.name === name);
    if (name !== undefined && !known) return undefined;
    return cut(balancer.order(order), answerBytes);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return cut(`${orderFailure}${thrown.message}`, answerBytes);
  }
}

/** An order as it is sent: how long it holds is told as a length of time, since clocks differ. */
export type SentOrder =
  | { readonly kind: "pause" | "resume" | "apply"; readonly balancer?: string }
  | { readonly kind: "accept"; readonly pool?: string; readonly balancer?: string }
  | { readonly kind: "forgive"; readonly node: string; readonly balancer?: string }
  | { readonly kind: "prefer"; readonly node?: string; readonly balancer?: string }
  | {
      readonly kind: "override";
      readonly node: string;
      readonly admission: "ready" | "drain" | "out" | "none";
      /** In Go's form; until it is taken back if undefined. */
      readonly for?: string;
      readonly balancer?: string;
    };

/** Reads a {@link SentOrder}. Throws OperatorError. */
export function parseOrder(text: string, now: Instant): LbOrder {
  const value = parseObject(text);
  if (value === undefined) throw new OperatorError("an order is an object of JSON");
  const order = orderOf(value, now);
  const balancer = textOf(value, "balancer");
  return balancer === undefined ? order : { ...order, balancer };
}

function orderOf(value: Readonly<Record<string, unknown>>, now: Instant): LbOrder {
  const kind = value.kind;
  switch (kind) {
    case "pause":
    case "resume":
    case "apply":
      return { kind };
    case "accept": {
      const pool = textOf(value, "pool");
      return pool === undefined ? { kind } : { kind, pool };
    }
    case "forgive":
      return { kind, node: nodeOf(value) };
    case "prefer":
      return { kind, node: textOf(value, "node") };
    case "override": {
      const { admission } = value;
      if (
        admission !== "ready" &&
        admission !== "drain" &&
        admission !== "out" &&
        admission !== "none"
      ) {
        throw new OperatorError("admission must be ready, drain, out or none");
      }
      const order = { kind, node: nodeOf(value), admission } as const;
      const length = textOf(value, "for");
      return length === undefined ? order : { ...order, until: now + parseDuration(length) };
    }
    default:
      throw new OperatorError(
        "kind must be accept, apply, forgive, override, pause, prefer or resume",
      );
  }
}

function nodeOf(value: Readonly<Record<string, unknown>>): string {
  const node = textOf(value, "node");
  if (node === undefined) throw new OperatorError("node is missing");
  return node;
}

function textOf(value: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const text = present(value, key);
  if (text === undefined || (typeof text === "string" && text !== "")) return text;
  throw new OperatorError(`${key} must be a text`);
}

/** What a member answered to `lb-drained`; lines that are none of that are passed over. */
export function parseDrainAnswers(payload: Bytes): DrainAnswer[] {
  return linesOf(payload).flatMap(({ balancer, node, state, inUse }) => {
    if (typeof balancer !== "string" || typeof node !== "string") return [];
    if (state !== "out" && state !== "draining" && state !== "serving" && state !== "unknown") {
      return [];
    }
    return [{ balancer, node, state, inUse: Number.isSafeInteger(inUse) ? Number(inUse) : 0 }];
  });
}

/** What a member answered to `lb-status`; lines that are none of that are passed over. */
export function parseStatusAnswers(payload: Bytes): StatusAnswer[] {
  return linesOf(payload).flatMap(({ balancer, version, applied, ok, holds, reason }) => {
    if (typeof balancer !== "string" || typeof ok !== "boolean") return [];
    const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
    const count = Number.isSafeInteger(holds) ? Number(holds) : 0;
    const [wanted, served] = [text(version), text(applied)];
    return [{ balancer, version: wanted, applied: served, ok, holds: count, reason: text(reason) }];
  });
}

/** What a member answered to `lb-status` of the address; undefined: it has none. */
export function parseAddressAnswer(payload: Bytes): AddressAnswer | undefined {
  for (const { address, holds, state, holder } of linesOf(payload)) {
    if (typeof address !== "string" || typeof holds !== "boolean") continue;
    const text = (value: unknown): string => (typeof value === "string" ? value : "");
    return { address, holds, state: text(state), holder: text(holder) };
  }
  return undefined;
}

function linesOf(payload: Bytes): Readonly<Record<string, unknown>>[] {
  const lines = new TextDecoder().decode(payload).split("\n");
  return lines.map(parseObject).filter((value) => value !== undefined);
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
