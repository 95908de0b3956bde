import type { Millis } from "../../base/units.js";
import type { Pool, ServedServer } from "../model.js";
import { identityOf, lineOf, placeholder, type ServerLine } from "./server-lines.js";

/** More in one pool than this cost more than they help: 5,000 free ones take 37 MB (1.3). */
const mostSlots = 5_000;

export interface SlotQuestion {
  readonly pool: Pool;
  /** What is between the pool's markers now, whoever wrote it; see parseServerLines. */
  readonly lines: readonly ServerLine[];
  /** The pool's servers in the running process; undefined if it cannot be asked, or does not run. */
  readonly served: readonly ServedServer[] | undefined;
  /** Free slots at first. */
  readonly slots: number;
  /** What follows address and weight on each line. */
  readonly options: string;
  /** True if the file is going to be loaded anew anyway: only then slots may become fewer. */
  readonly mayShrink: boolean;
  /**
   * A slot that ceased to serve more recently is not given to another server. Needed where the sessions
   * of clients keep connections of their own to servers (`http-reuse never`): those lead to the former
   * address, and no counter shows them (measured). 0 if not: even so the one longest unused is taken.
   */
  readonly rest: Millis;
}

/**
 * Gives every server of the pool a slot, and every slot a line: the new text between the markers.
 *
 * A server keeps its slot for as long as it is in the pool: the file is the memory, and where somebody
 * has lost it, the running process is. A slot whose server is gone keeps its address, disabled, until
 * nothing is under way on it any more: only then another may have it, so that no request ever goes to
 * the former address (loadbalancer.md 1.4). There are more slots when they run out, and fewer only when
 * the file is loaded anew in any case.
 */
export function assignSlots(question: SlotQuestion): readonly ServerLine[] {
  const { pool, options } = question;
  const slots = knownSlots(question);
  const holders = new Map<string, Slot>();
  for (const slot of slots) {
    if (slot.node === undefined) continue;
    const identity = identityOf({ ...slot, node: slot.node });
    if (!holders.has(identity)) holders.set(identity, slot);
  }
  const homes = new Map<string, number>();
  for (const server of pool.servers) {
    const slot = holders.get(identityOf(server));
    if (slot !== undefined) homes.set(identityOf(server), slot.number);
  }
  const kept = new Set(homes.values());
  const unused = slots.filter((slot) => !kept.has(slot.number));
  const free = unused.filter((slot) => slot.free).sort(bestFirst);
  // Without an answer of the process those of gone servers are better than ever more slots: the plan
  // empties a slot before it gives it another address.
  if (question.served === undefined) free.push(...unused.filter((slot) => !slot.free));
  const homeless = pool.servers.filter((server) => !homes.has(identityOf(server)));
  const numbers = new Set(slots.map((slot) => slot.number));
  const busy = unused.filter((slot) => !slot.free).length;
  grow(numbers, pool.servers.length, homeless.length - free.length, busy, question.slots);
  const before = new Map(slots.map((slot) => [slot.number, slot]));
  const fresh = [...numbers].filter((number) => !before.has(number));
  const places = [...free.map((slot) => slot.number), ...fresh.sort(ascending)];
  for (const [index, server] of homeless.entries()) {
    const place = places[index];
    if (place !== undefined) homes.set(identityOf(server), place);
  }
  if (question.mayShrink) shrink(numbers, slots, homes, pool.servers.length, question.slots);
  const owners = new Map(pool.servers.map((server) => [homes.get(identityOf(server)), server]));
  return [...numbers].sort(ascending).map((number): ServerLine => {
    const place = { name: slotName(number), id: undefined, options };
    const owner = owners.get(number);
    if (owner !== undefined) return lineOf(owner, place);
    const slot = before.get(number);
    const empty = { ...place, ...placeholder, weight: undefined, disabled: true, node: undefined };
    if (slot === undefined || slot.free) return empty;
    const { ip, port, weight, node } = slot;
    return { ...empty, ip, port, weight, node };
  });
}

/** Servers of the pool that have no slot: those beyond the greatest number of slots. */
export function withoutSlot(pool: Pool, lines: readonly ServerLine[]): readonly string[] {
  const homes = new Set(lines.map(identityOf));
  return pool.servers.filter((server) => !homes.has(identityOf(server))).map(({ node }) => node);
}

function slotName(number: number): string {
  return `s${String(number).padStart(2, "0")}`;
}

/** The number of a slot by its name; undefined if no slot is called so. */
export function slotNumber(name: string): number | undefined {
  const number = Number(/^s(\d{2,4})$/.exec(name)?.[1]);
  return number >= 1 && number <= mostSlots && slotName(number) === name ? number : undefined;
}

interface Slot {
  readonly number: number;
  readonly ip: string;
  readonly port: number;
  readonly weight: number | undefined;
  readonly node: string | undefined;
  /** Another server may have it. */
  readonly free: boolean;
  readonly unchangedFor: Millis;
}

/** The slots of the text, and those that only the process has. */
function knownSlots({ pool, lines, served, rest }: SlotQuestion): readonly Slot[] {
  const running = new Map(served?.map((server) => [server.name, server]));
  const slots = new Map<number, Slot>();
  for (const line of lines) {
    const number = slotNumber(line.name);
    if (number === undefined) continue;
    const server = running.get(line.name);
    const { ip, port, weight, node } = line;
    const unchangedFor = server?.unchangedFor ?? Number.POSITIVE_INFINITY;
    const free = isPlaceholder(line)
      ? server === undefined || isUnused(server, rest)
      : served !== undefined && (server === undefined || isUnused(server, rest));
    slots.set(number, { number, ip, port, weight, node, free, unchangedFor });
  }
  for (const server of served ?? []) {
    const number = slotNumber(server.name);
    if (number === undefined || slots.has(number)) continue;
    const { ip, port, weight, unchangedFor = Number.POSITIVE_INFINITY } = server;
    const node = pool.servers.find((one) => one.ip === ip && one.port === port)?.node;
    // One that nobody misses may have been left out on purpose.
    if (node === undefined && isUnused(server, 0)) continue;
    slots.set(number, { number, ip, port, weight, node, free: false, unchangedFor });
  }
  return [...slots.values()].sort((one, other) => ascending(one.number, other.number));
}

function isPlaceholder({ ip, port }: ServerLine): boolean {
  return ip === placeholder.ip && port === placeholder.port;
}

function isUnused(server: ServedServer, rest: Millis): boolean {
  const { state, inUse, unchangedFor = Number.POSITIVE_INFINITY } = server;
  return state === "maint" && inUse === 0 && unchangedFor >= rest;
}

/** The longest unused, and of those equally long unused the first. */
function bestFirst(one: Slot, other: Slot): number {
  if (one.unchangedFor !== other.unchangedFor)
    return one.unchangedFor > other.unchangedFor ? -1 : 1;
  return ascending(one.number, other.number);
}

/** Adds numbers that are not used yet, the lowest first, if `missing` places are needed. */
function grow(
  numbers: Set<number>,
  servers: number,
  missing: number,
  busy: number,
  initial: number,
): void {
  const has = numbers.size;
  const room = has === 0 ? roomFor(servers, initial) : Math.max(Math.ceil(has * 1.5), has + 4);
  const wanted =
    has === 0 || missing > 0 ? Math.min(Math.max(room, servers + busy), mostSlots) : has;
  for (let number = 1; numbers.size < wanted; number += 1) numbers.add(number);
}

/** Slots for so many servers, with some to spare. */
function roomFor(servers: number, initial: number): number {
  return Math.max(initial, servers + 4, Math.ceil(servers * 1.5));
}

/** Takes the last ones away that are free, if there are twice as many as needed. */
function shrink(
  numbers: Set<number>,
  slots: readonly Slot[],
  homes: ReadonlyMap<string, number>,
  servers: number,
  initial: number,
): void {
  const enough = roomFor(servers, initial);
  if (numbers.size <= 2 * enough) return;
  const kept = new Set(homes.values());
  const busy = new Set(slots.filter((slot) => !slot.free).map((slot) => slot.number));
  for (const number of [...numbers].sort(ascending).reverse()) {
    if (numbers.size <= enough || kept.has(number) || busy.has(number)) return;
    numbers.delete(number);
  }
}

function ascending(one: number, other: number): number {
  return one - other;
}
