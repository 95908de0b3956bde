import type { Deed } from "../deed.js";
import { longestAge } from "./account.js";

/** Characters of a name, an address or another text; what is longer is no record of ours. */
const maxText = 256;

/** Names in a list. */
const maxNames = 16;

/** Whether a value that came from elsewhere is one of `T`. */
type Check<T> = (value: unknown) => value is T;

type Fields<D> = { readonly [K in Exclude<keyof D, "kind">]-?: Check<D[K]> };

type Shapes = { readonly [K in Deed["kind"]]: Fields<Extract<Deed, { readonly kind: K }>> };

const text: Check<string> = (value): value is string =>
  typeof value === "string" && value.length <= maxText;

const count: Check<number> = (value): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

const time: Check<number> = (value): value is number =>
  typeof value === "number" && value >= 0 && value <= longestAge;

const flag: Check<boolean> = (value): value is boolean => typeof value === "boolean";

const yes: Check<true> = (value): value is true => value === true;

const names: Check<readonly string[]> = (value): value is readonly string[] =>
  Array.isArray(value) && value.length <= maxNames && value.every(text);

function oneOf<const T extends string>(...words: readonly T[]): Check<T> {
  return (value): value is T => words.some((word) => word === value);
}

function maybe<T>(check: Check<T>): Check<T | undefined> {
  return (value): value is T | undefined => value === undefined || check(value);
}

const failure = maybe(text);

const shapes: Shapes = {
  probe: {
    node: text,
    outcome: oneOf("late", "helped", "tcp", "lost"),
    took: time,
    helpers: names,
    nacks: count,
    tcp: oneOf("acked", "silent", "closed", "refused", "unreachable", "untried"),
    unheard: flag,
    heard: maybe(yes),
    delay: maybe(time),
  },
  suspected: {
    node: text,
    by: text,
    exchanged: maybe(yes),
    incarnation: count,
    unheard: flag,
  },
  confirmed: { node: text, by: text, confirmations: count },
  cleared: {
    node: text,
    why: oneOf("refuted", "we were cut off"),
    incarnation: count,
    after: time,
  },
  gone: {
    node: text,
    state: oneOf("failed", "left"),
    by: text,
    why: oneOf("timeout", "refused", "told"),
    incarnation: count,
    confirmations: count,
  },
  appeared: {
    node: text,
    address: text,
    before: maybe(oneOf("failed", "left")),
    from: maybe(text),
    incarnation: count,
  },
  moved: { node: text, from: text, to: text, incarnation: count },
  contested: { node: text, held: text, claimed: text },
  accused: {
    node: text,
    by: text,
    exchanged: maybe(yes),
    of: oneOf("suspect", "dead"),
    incarnation: count,
  },
  health: { node: text, score: count },
  told: {
    event: oneOf("member-join", "member-leave", "member-failed", "member-update", "member-reap"),
    nodes: names,
    count,
  },
  handler: {
    run: count,
    script: text,
    event: text,
    nodes: names,
    count,
    took: time,
    failure,
  },
  applied: {
    balancer: text,
    way: oneOf("none", "runtime", "reload"),
    took: time,
    cause: text,
    nodes: names,
    count,
    version: failure,
    failure,
  },
  stalled: { node: text, how: oneOf("paused", "busy", "clock"), took: time },
  started: { node: text, address: text },
  leaving: { node: text },
};

/** Undefined if it is no deed, or one of a later version that we do not know. */
export function readDeed(value: Readonly<Record<string, unknown>>): Deed | undefined {
  const { kind } = value;
  if (typeof kind !== "string" || !isKind(kind)) return undefined;
  const shape: Readonly<Record<string, (field: unknown) => boolean>> = shapes[kind];
  const deed: Record<string, unknown> = { kind };
  for (const [name, check] of Object.entries(shape)) {
    const field = Object.hasOwn(value, name) ? value[name] : undefined;
    if (!check(field)) return undefined;
    if (field !== undefined) deed[name] = field;
  }
  // Each field of its kind was looked at.
  return deed as unknown as Deed;
}

function isKind(kind: string): kind is Deed["kind"] {
  return Object.hasOwn(shapes, kind);
}
