import { OperatorError } from "../../base/errors.js";
import type { BalancerConfig } from "../config.js";
import type { Admission, Desired, Pool, ServedServer } from "../model.js";
import { serversOf } from "./config-servers.js";
import { type ConfigText, type PoolPlace, settingOf, titleOf } from "./config-text.js";
import {
  identityOf,
  namedLines,
  parseServerLine,
  renderServerLine,
  type ServerLine,
  shapeOfSlot,
} from "./server-lines.js";
import { assignSlots } from "./slots.js";
import type { StateTarget } from "./state-filter.js";

/**
 * How members get into the file: into slots, or each with a line of its own, under a name of which it
 * is certain that a running process has it with the same options (`dynamic`) or not (`named`).
 */
export type LineKind = "slots" | "dynamic" | "named";

export interface LinesQuestion {
  readonly config: BalancerConfig;
  readonly desired: Desired;
  /** Where the pools are in the file now; none of those that are not in it yet. */
  readonly places: readonly PoolPlace[];
  /** What the running process has; undefined if it cannot be asked. */
  readonly served: readonly ServedServer[] | undefined;
  readonly kind: LineKind;
  readonly slots: number;
  /** The file is going to be loaded anew anyway. */
  readonly mayShrink: boolean;
}

/** Clients' sessions may keep connections to a server's former address for about so long. */
const slotRest = 60_000;

/** The lines between the markers of each pool. */
export function linesOf(question: LinesQuestion): ReadonlyMap<string, readonly ServerLine[]> {
  const { config, desired, places, served, slots, mayShrink } = question;
  return new Map(
    desired.pools.map((pool) => {
      const options = config.pools.find(({ name }) => name === pool.name)?.serverOptions ?? "";
      const place = places.find((one) => one.pool === pool.name);
      const lines = place?.lines ?? [];
      if (question.kind === "named") {
        return [pool.name, namedLines(pool.servers, options, isConsistent(place), lines)];
      }
      if (question.kind === "dynamic") {
        return [pool.name, namedLines(pool.servers, options, true, lines, options)];
      }
      const reuse = place === undefined ? undefined : settingOf(place.section, "http-reuse");
      return [
        pool.name,
        assignSlots({
          pool,
          lines,
          served: served?.filter((server) => server.pool === pool.name),
          slots,
          options,
          mayShrink,
          rest: reuse?.words[1] === "never" ? slotRest : 0,
        }),
      ];
    }),
  );
}

/** With a consistent hash every balancer should build the same ring, by ids. */
function isConsistent(place: PoolPlace | undefined): boolean {
  if (place === undefined) return false;
  return settingOf(place.section, "hash-type")?.words[1] === "consistent";
}

/** The words of the `default-server` lines that the servers of a pool have. */
export function defaultsOf({ section }: PoolPlace): string {
  return [section.defaults, section]
    .flatMap((one) => one?.directives ?? [])
    .filter(({ words }) => words[0] === "default-server")
    .flatMap(({ words }) => words.slice(1))
    .join(" ");
}

export function textOf(
  lines: ReadonlyMap<string, readonly ServerLine[]>,
): ReadonlyMap<string, readonly string[]> {
  return new Map([...lines].map(([pool, own]) => [pool, own.map(renderServerLine)]));
}

/** The slots of every pool are called alike, and HAProxy wants one name per server of a backend. */
export function refuseSharedBackends(places: readonly PoolPlace[], file: string): void {
  for (const [index, { pool, section }] of places.entries()) {
    const other = places.slice(0, index).find((one) => one.section === section);
    if (other === undefined) continue;
    throw new OperatorError(
      `${file}: the pools ${other.pool} and ${pool} stand in "${titleOf(section)}": give each a backend of its own, or set mode to "dynamic"`,
    );
  }
}

/** The text without all that the runtime socket can change as well. */
export function shapeOf(
  text: string,
  places: readonly PoolPlace[],
  kind: "slots" | "dynamic" = "slots",
): string {
  const numbers = new Set(places.flatMap((place) => [...place.numbers]));
  return text
    .split("\n")
    .flatMap((line, index) => {
      const server = numbers.has(index + 1) ? parseServerLine(line) : undefined;
      if (server === undefined) return [line];
      // What can be added and deleted does not make a shape at all.
      return kind === "slots" ? [shapeOfSlot(server)] : [];
    })
    .join("\n");
}

/**
 * The lines of a pool with their owners. Lines that gossipd made say whose they are; in those of a
 * template without that, a member is known by its address, and what is nobody's is foreign.
 */
export function ownedLines(place: PoolPlace, pool: Pool | undefined): readonly ServerLine[] {
  if (place.marked) return place.lines;
  return place.lines.flatMap((line) => {
    if (line.node !== undefined) return [line];
    const owner = pool?.servers.find(({ ip, port }) => ip === line.ip && port === line.port);
    return owner === undefined ? [] : [{ ...line, node: owner.node }];
  });
}

/** What should become of each server of the file, for the states that a new process takes over. */
export function stateTargets(
  config: ConfigText,
  places: readonly PoolPlace[],
  desired: Desired,
): readonly StateTarget[] {
  const admissions = new Map<string, Admission>();
  for (const place of places) {
    const pool = desired.pools.find(({ name }) => name === place.pool);
    const members = new Map(pool?.servers.map((server) => [identityOf(server), server.admission]));
    for (const line of ownedLines(place, pool)) {
      admissions.set(`${place.section.name}/${line.name}`, members.get(identityOf(line)) ?? "out");
    }
  }
  return serversOf(config).map((server) => ({
    ...server,
    admission: admissions.get(`${server.backend}/${server.name}`),
  }));
}
