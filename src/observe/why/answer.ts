import type { Millis } from "../../base/units.js";
import type { WallTime } from "../chronicle.js";
import { type Account, type Fact, type Loss, longestAge, type WhyQuestion } from "./account.js";
import { readDeed } from "./deed-shapes.js";
import type { Item } from "./telling.js";

/**
 * One page of what a member has to tell, as JSON carries it. Times are ages, so that clocks need not
 * agree: who asked takes them from when the answer came.
 */
export interface WhyAnswer {
  /** Of the oldest record that is kept. */
  readonly reach: Millis;
  /** True if there is another page. */
  readonly more: boolean;
  readonly items: readonly Item[];
}

/** Items of an answer that are read; each has some bytes of a packet. */
const maxItems = 512;

/** What is asked must be longer ago than nothing, and a number that a clock can subtract. */
const longestWithin: Millis = 366 * 24 * 3_600_000;

/** Characters of a member's name. */
const maxName = 128;

/** `now` is that of the clock by which the items are. */
export function writeAnswer(
  { items, more, reach }: WhyAnswer,
  node: string,
  now: WallTime,
): string {
  return JSON.stringify({
    v: 1,
    ...(more ? { more } : {}),
    reach: Math.max(0, Math.round(reach)),
    items: items.map((item) => writeItem(item, node, now)),
  });
}

function writeItem(item: Item, node: string, now: WallTime): readonly unknown[] {
  const age = (at: WallTime): number => Math.max(0, Math.round(now - at));
  switch (item.kind) {
    case "fact": {
      const { at, deed, seq, times, until } = item.fact;
      const { kind, ...fields } = deed;
      // Nearly all are about the one that was asked for.
      const rest =
        "node" in fields && fields.node === node ? { ...fields, node: undefined } : fields;
      const repeated = times > 1 ? [times, age(until)] : [];
      return [kind, seq, age(at), rest, ...repeated];
    }
    case "loss": {
      const { at, how, node: other, unheard } = item.loss;
      return ["-", other, age(at), how, ...(unheard ? [1] : [])];
    }
    case "rtt": {
      const { at, rtt } = item.roundTrip;
      return ["+", age(at), Math.round(rtt * 100) / 100];
    }
  }
}

/** `now`: when the answer came. Undefined if it is none. What cannot be read of it is left out. */
export function readAnswer(value: unknown, node: string, now: WallTime): WhyAnswer | undefined {
  if (!isRecord(value) || value.v !== 1 || !isAge(value.reach) || !Array.isArray(value.items)) {
    return undefined;
  }
  const items: Item[] = [];
  for (const one of value.items.slice(0, maxItems)) {
    const item = Array.isArray(one) ? readItem(one, node, now) : undefined;
    if (item !== undefined) items.push(item);
  }
  return { reach: value.reach, more: value.more === true, items };
}

function readItem(item: readonly unknown[], node: string, now: WallTime): Item | undefined {
  const [kind, first, second, third, fourth, fifth] = item;
  if (kind === "+") {
    if (!isAge(first) || !isAge(second)) return undefined;
    return { kind: "rtt", roundTrip: { at: now - first, rtt: second } };
  }
  if (kind === "-") {
    if (!isName(first) || !isAge(second) || !isHow(third)) return undefined;
    const loss: Loss = { node: first, at: now - second, how: third, unheard: fourth === 1 };
    return { kind: "loss", loss };
  }
  if (!isCount(first) || !isAge(second) || !isRecord(third)) return undefined;
  const deed = readDeed({ node, ...third, kind });
  if (deed === undefined) return undefined;
  const at = now - second;
  const repeated = isCount(fourth) && fourth > 1 && isAge(fifth);
  const fact: Fact = {
    seq: first,
    at,
    deed,
    times: repeated ? fourth : 1,
    until: repeated ? Math.max(at, now - fifth) : at,
  };
  return { kind: "fact", fact };
}

/** Undefined if it is no question of ours. */
export function readQuestion(value: unknown): WhyQuestion | undefined {
  if (!isRecord(value)) return undefined;
  const { node, page, within } = value;
  if (!isName(node) || !isCount(page) || page >= 64) return undefined;
  if (!isAge(within) || within > longestWithin) return undefined;
  return { node, within, page };
}

/** What a member told on all its pages, `reach` as in {@link WhyAnswer} of the first one. */
export function accountOf(
  from: string,
  items: readonly Item[],
  reach: WallTime,
  whole: boolean,
): Account {
  const facts = new Map<number, Fact>();
  const losses = new Map<string, Loss>();
  const roundTrips = new Map<number, { readonly at: WallTime; readonly rtt: Millis }>();
  for (const item of items) {
    if (item.kind === "fact") facts.set(item.fact.seq, item.fact);
    else if (item.kind === "loss") losses.set(item.loss.node, item.loss);
    else roundTrips.set(Math.round(item.roundTrip.at), item.roundTrip);
  }
  return {
    from,
    reach,
    facts: [...facts.values()].sort((one, other) => one.seq - other.seq),
    roundTrips: [...roundTrips.values()].sort((one, other) => one.at - other.at),
    losses: [...losses.values()],
    whole,
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAge(value: unknown): value is Millis {
  return typeof value === "number" && value >= 0 && value <= longestAge;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= maxName;
}

function isHow(value: unknown): value is Loss["how"] {
  return value === "lost" || value === "tcp" || value === "helped" || value === "told";
}
