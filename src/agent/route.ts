import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { type Address, formatIp, parseIp, sameBytes } from "../base/address.js";
import { type Bytes, type Instant, type Millis, seconds } from "../base/units.js";
import { ownAddresses } from "./interfaces.js";
import { isLinkLocal, isLoopback, unmapped } from "./ip-ranges.js";
import { resolveTargets } from "./join-targets.js";
import { within } from "./within.js";

/** How long names are looked up again that nobody knows yet, as those of containers that start with ours. */
const patience: Millis = seconds(3);

/** Between two lookups. */
const pause: Millis = 200;

/** How long a seed may take to accept a connection. */
const answerTime: Millis = seconds(1);

/** So many addresses of seeds are looked at. */
const maxTargets = 16;

/** What is asked of the network; tests have one of their own. */
export interface RouteFinder {
  readonly now: () => Instant;
  readonly wait: (time: Millis) => Promise<void>;
  /** All addresses of this host. */
  readonly own: () => readonly Bytes[];
  /** The addresses behind the seeds as they are known now. */
  readonly lookUp: (seeds: readonly string[], time: Millis) => Promise<readonly Address[]>;
  /** Our own address on the way there; undefined if there is no way. */
  readonly sourceFor: (to: Address) => Promise<Bytes | undefined>;
  /** Whether somebody accepts a connection there. */
  readonly answers: (to: Address, time: Millis) => Promise<boolean>;
}

/**
 * Of several addresses of this host the one that the seeds see: it belongs to the network in which they
 * are, and so the others reach us there. Undefined if there is nothing to choose, or nothing to go by.
 *
 * The system's routes tell, without a packet. Only if the ways to the seeds begin at different addresses it
 * counts who answers.
 */
export async function addressTowards(
  seeds: readonly string[],
  finder: RouteFinder = systemRoutes,
): Promise<Bytes | undefined> {
  const usable = finder.own().filter(isUsable);
  if (seeds.length === 0 || usable.length < 2) return undefined;
  const targets = await lookUpPatiently(seeds, finder, hasTwoOfAKind(usable));
  const routes = await Promise.all(
    targets.slice(0, maxTargets).map(async (to) => ({ to, source: await finder.sourceFor(to) })),
  );
  const ways = routes.filter(hasSource);
  const [first] = ways;
  if (first === undefined) return undefined;
  if (ways.every(({ source }) => sameBytes(source, first.source))) return first.source;
  const answers = ways.map(({ to }) => finder.answers(to, answerTime));
  for (const [index, answer] of answers.entries()) {
    if (await answer) return ways[index]?.source;
  }
  return first.source;
}

interface Way {
  readonly to: Address;
  readonly source: Bytes;
}

function hasSource(route: { to: Address; source: Bytes | undefined }): route is Way {
  return route.source !== undefined && isUsable(route.source);
}

function isUsable(ip: Bytes): boolean {
  return !isLoopback(ip) && !isLinkLocal(ip);
}

/** One of IPv4 and one of IPv6 usually belong to the same network: no start is delayed for their choice. */
function hasTwoOfAKind(ips: readonly Bytes[]): boolean {
  const short = ips.filter((ip) => unmapped(ip).length === 4).length;
  return short > 1 || ips.length - short > 1;
}

/** IPv4 first, as an address is chosen without seeds. With `again` until a name is known. */
async function lookUpPatiently(
  seeds: readonly string[],
  { lookUp, now, wait }: RouteFinder,
  again: boolean,
): Promise<readonly Address[]> {
  const until = now() + patience;
  for (;;) {
    const found = await lookUp(seeds, until - now());
    if (found.length > 0) {
      const isShort = ({ ip }: Address): boolean => unmapped(ip).length === 4;
      return [...found.filter(isShort), ...found.filter((one) => !isShort(one))];
    }
    if (!again || now() + pause >= until) return [];
    await wait(pause);
  }
}

/** Where a seed without a port listens matters only if it is asked for an answer. */
const usualPort = 7946;

export const systemRoutes: RouteFinder = {
  now: () => performance.now(),
  wait: (time) => new Promise((resolve) => setTimeout(resolve, time)),
  own: () => ownAddresses(),
  lookUp: async (seeds, time) => {
    const found: Address[] = [];
    await within(
      time,
      resolveTargets(seeds, usualPort).then(({ targets }) => {
        found.push(...targets.map(({ address }) => address));
      }),
    );
    return found;
  },
  sourceFor: (to) =>
    new Promise((resolve) => {
      const ip = unmapped(to.ip);
      const socket = createSocket(ip.length === 4 ? "udp4" : "udp6");
      const end = (source: Bytes | undefined): void => {
        socket.close();
        resolve(source);
      };
      socket.once("error", () => end(undefined));
      // This sends nothing: the system only looks up the way.
      socket.connect(to.port || usualPort, formatIp(ip), (error?: Error) => {
        end(error === undefined ? parseIp(socket.address().address) : undefined);
      });
    }),
  answers: (to, time) =>
    new Promise((resolve) => {
      const socket = connect({ host: formatIp(unmapped(to.ip)), port: to.port, timeout: time });
      const end = (stood: boolean): void => {
        socket.destroy();
        resolve(stood);
      };
      socket.once("connect", () => end(true));
      socket.once("timeout", () => end(false));
      socket.once("error", () => end(false));
    }),
};
