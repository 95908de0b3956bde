import { expect, test } from "vitest";
import { addressTowards, type RouteFinder, systemRoutes } from "../../src/agent/route.js";
import { formatIp, parseIp } from "../../src/base/address.js";
import type { Bytes } from "../../src/base/units.js";

function ip(text: string): Bytes {
  const bytes = parseIp(text);
  if (bytes === undefined) throw new Error(`no address: ${text}`);
  return bytes;
}

interface Scene {
  readonly own: readonly string[];
  /** What each seed is, and from when on that is known. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly knownAfter?: number;
  /** Our own address on the way to an address. */
  readonly routes: Readonly<Record<string, string>>;
  readonly answering?: readonly string[];
}

/** A network on virtual time; `tried` are those who were asked to answer. */
function network({ answering = [], knownAfter = 0, names, own, routes }: Scene) {
  let now = 0;
  const tried: string[] = [];
  const finder: RouteFinder = {
    now: () => now,
    wait: async (time) => {
      now += time;
    },
    own: () => own.map(ip),
    lookUp: async (seeds) => {
      const found = now < knownAfter ? [] : seeds.flatMap((seed) => names[seed] ?? []);
      return found.map((text) => ({ ip: ip(text), port: 7946 }));
    },
    sourceFor: async (to) => {
      const source = routes[formatIp(to.ip)];
      return source === undefined ? undefined : ip(source);
    },
    answers: async (to) => {
      tried.push(formatIp(to.ip));
      return answering.includes(formatIp(to.ip));
    },
  };
  return { finder, tried, time: () => now };
}

async function chosen(seeds: readonly string[], finder: RouteFinder): Promise<string | undefined> {
  const found = await addressTowards(seeds, finder);
  return found === undefined ? undefined : formatIp(found);
}

const two = ["127.0.0.1", "172.18.0.5", "10.0.9.5"];

test("of two networks it is the one in which the seed is, though nobody is there yet", async () => {
  const { finder, tried } = network({
    own: two,
    names: { lb: ["10.0.9.2"] },
    routes: { "10.0.9.2": "10.0.9.5" },
  });
  expect(await chosen(["lb"], finder)).toBe("10.0.9.5");
  expect(tried).toEqual([]);
});

test("one address leaves nothing to choose, and without seeds there is nothing to go by", async () => {
  const scene = { names: { lb: ["10.0.9.2"] }, routes: { "10.0.9.2": "10.0.9.5" } };
  const alone = network({ ...scene, own: ["127.0.0.1", "fe80::1", "10.0.9.5"] });
  expect(await chosen(["lb"], alone.finder)).toBeUndefined();
  expect(await chosen([], network({ ...scene, own: two }).finder)).toBeUndefined();
});

test("where the ways part, the first seed that answers decides", async () => {
  const scene = {
    own: two,
    names: { lb: ["172.18.0.2", "10.0.9.2"] },
    routes: { "172.18.0.2": "172.18.0.5", "10.0.9.2": "10.0.9.5" },
  };
  const one = network({ ...scene, answering: ["10.0.9.2"] });
  expect(await chosen(["lb"], one.finder)).toBe("10.0.9.5");
  expect(one.tried).toEqual(["172.18.0.2", "10.0.9.2"]);
  expect(await chosen(["lb"], network({ ...scene, answering: [] }).finder)).toBe("172.18.0.5");
});

test("IPv4 comes first", async () => {
  const { finder } = network({
    own: ["172.18.0.5", "fd00::5"],
    names: { lb: ["fd00::2", "172.18.0.2"] },
    routes: { "172.18.0.2": "172.18.0.5", "fd00::2": "fd00::5" },
  });
  expect(await chosen(["lb"], finder)).toBe("172.18.0.5");
});

test("a seed on this host, or one without a way to it, says nothing", async () => {
  const { finder } = network({
    own: two,
    names: { here: ["127.0.0.1"], far: ["192.0.2.1"] },
    routes: { "127.0.0.1": "127.0.0.1" },
  });
  expect(await chosen(["here", "far"], finder)).toBeUndefined();
});

test("a name that is known soon is waited for, and one that is never known for three seconds", async () => {
  const scene = {
    own: two,
    names: { lb: ["10.0.9.2"] },
    routes: { "10.0.9.2": "10.0.9.5" },
  };
  const soon = network({ ...scene, knownAfter: 1_500 });
  expect(await chosen(["lb"], soon.finder)).toBe("10.0.9.5");
  expect(soon.time()).toBeGreaterThanOrEqual(1_500);
  const never = network({ ...scene, names: {} });
  expect(await chosen(["lb"], never.finder)).toBeUndefined();
  expect(never.time()).toBeLessThanOrEqual(3_000);
});

test("for the choice between IPv4 and IPv6 alone no name is waited for", async () => {
  const { finder, time } = network({
    own: ["127.0.0.1", "::1", "fd00::5", "10.0.9.5"],
    names: { lb: ["10.0.9.2"] },
    knownAfter: 1_000,
    routes: { "10.0.9.2": "10.0.9.5" },
  });
  expect(await chosen(["lb"], finder)).toBeUndefined();
  expect(time()).toBe(0);
});

test("the system tells the way without a packet", async () => {
  const source = await systemRoutes.sourceFor({ ip: ip("127.9.9.9"), port: 7946 });
  expect(source && formatIp(source)).toBe("127.0.0.1");
  const nowhere = { ip: ip("255.255.255.255"), port: 7946 };
  expect(await systemRoutes.sourceFor(nowhere)).toBeUndefined();
  expect(await systemRoutes.answers({ ip: ip("127.0.0.1"), port: 1 }, 500)).toBe(false);
  const found = await systemRoutes.lookUp(["127.0.0.1", "[::1]:80"], 500);
  expect(found.map(({ port }) => port)).toEqual([7946, 80]);
});
