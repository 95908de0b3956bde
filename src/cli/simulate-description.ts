import type { SizeOrder, SizeResult } from "../simulate/job.js";
import { share, time } from "../simulate/units.js";
import type { Arguments } from "./command.js";

/** What a report says about itself. */
export interface Described {
  readonly about: string;
  readonly command: string;
  readonly version: string;
}

/** What is the same for all sizes, in a line. */
export function describeOrders(orders: readonly SizeOrder[]): string {
  const [first] = orders[0] ?? [];
  if (first === undefined) return "";
  const { compression, conditions, profile, refusals, seed, stallTime } = first;
  const { jitter, latency, loss } = conditions;
  const last = orders[0]?.at(-1)?.seed ?? seed;
  return [
    `Profile ${profile}`,
    `${latency} to ${Number((latency + jitter).toFixed(3))} ms from one member to another`,
    `${share(loss)} of the packets lost`,
    ...(orders.some(([{ stalled }]) => stalled > 0) ? [`stalls of ${time(stallTime)}`] : []),
    ...(refusals ? [] : ["refused connections not counted"]),
    compression ? "compressed" : "not compressed",
    last === seed ? `seed ${seed}` : `seeds ${seed} to ${last}`,
  ].join(", ");
}

/** What was typed, with the seed, for the same to be had again. */
export function givenCommand(args: Arguments, orders: readonly SizeOrder[]): string {
  const flags = args.given.map(({ flag, value }) => `-${flag}=${quoteForShell(value)}`);
  if (args.integer("seed") === undefined) flags.push(`-seed=${orders[0]?.[0].seed ?? 1}`);
  return ["gossipd simulate", ...flags].join(" ");
}

function quoteForShell(text: string): string {
  return /^[\w%.,:/=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Everything that was measured, times in milliseconds, traffic per member and second. */
export function asJson(
  { command, version }: Described,
  orders: readonly SizeOrder[],
  results: readonly SizeResult[],
): unknown {
  const sizes = results.map(({ cost, summary }, index) => {
    const { seed: _, ...scenario } = orders[index]?.[0] ?? { seed: 0 };
    return { scenario, ...summary, cost };
  });
  return plain({ version, command, sizes });
}

/** Rounded to microseconds, and null for what there is none of, so that every key is there. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "number") return Number(value.toFixed(3));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
