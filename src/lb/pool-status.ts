import { keyOf } from "./desired-difference.js";
import type { Desired, Observation, ServedServer, Server } from "./model.js";
import type { PoolStatus, ServerStatus } from "./status.js";

/** Puts what is wanted, written and served side by side, and remembers since when it is so. */
export class PoolTable {
  /** One entry per server of the table. */
  #since = new Map<string, { readonly signature: string; readonly at: string }>();
  #addressesOf: { readonly text: string; readonly addresses: ReadonlySet<string> } | undefined;

  /** `at`: the wall clock now. */
  pools(
    at: string,
    desired: Desired | undefined,
    text: string | undefined,
    observed: Observation | undefined,
  ): readonly PoolStatus[] {
    const since = new Map<string, { readonly signature: string; readonly at: string }>();
    const addresses = this.#addresses(text ?? "");
    const served = byPool(observed);
    const wanted = desired?.pools.map(({ name, servers }) => ({ name, servers })) ?? [];
    const unknown = [...served.keys()].filter((name) => !wanted.some((pool) => pool.name === name));
    const pools = [...wanted, ...unknown.map((name) => ({ name, servers: [] }))];
    const table = pools.map(({ name, servers }) => {
      const found = served.get(name) ?? [];
      const rows = rowsOf(name, servers, found).map(({ key, want, has }): ServerStatus => {
        const { node, ip, port } = want ?? { node: "", ip: "", port: 0, ...has };
        const row = {
          node: node ?? "",
          ip,
          port,
          weight: want?.weight ?? has?.weight ?? 0,
          desired: want ? { admission: want.admission, cause: want.cause } : null,
          inFile: addresses.has(`${ip} ${port}`),
          served: has ? servedOf(has) : null,
        };
        const signature = `${want?.admission} ${want?.cause} ${want?.weight} ${has?.name} ${has?.state} ${has?.weight}`;
        const before = this.#since.get(key);
        const entry = before?.signature === signature ? before : { signature, at };
        since.set(key, entry);
        return { ...row, since: entry.at };
      });
      const free = found.filter(({ node }) => node === undefined).length;
      return { name, servers: rows, free };
    });
    this.#since = since;
    return table;
  }

  #addresses(text: string): ReadonlySet<string> {
    if (this.#addressesOf?.text !== text) {
      this.#addressesOf = { text, addresses: addressesIn(text) };
    }
    return this.#addressesOf.addresses;
  }
}

function byPool(observed: Observation | undefined): ReadonlyMap<string, ServedServer[]> {
  const pools = new Map<string, ServedServer[]>();
  for (const server of observed?.servers ?? []) {
    const pool = pools.get(server.pool);
    if (pool === undefined) pools.set(server.pool, [server]);
    else pool.push(server);
  }
  return pools;
}

interface Row {
  readonly key: string;
  readonly want: Server | undefined;
  readonly has: ServedServer | undefined;
}

function rowsOf(
  pool: string,
  wanted: readonly Server[],
  served: readonly ServedServer[],
): readonly Row[] {
  const left = new Map<string, ServedServer>();
  for (const server of served) {
    const { node, ip, port } = server;
    if (node !== undefined) left.set(keyOf(pool, { node, ip, port }), server);
  }
  const rows = wanted.map((want): Row => {
    const key = keyOf(pool, want);
    const has = left.get(key);
    left.delete(key);
    return { key, want, has };
  });
  const strays = [...left].map(([key, has]): Row => ({ key, want: undefined, has }));
  return [...rows, ...strays];
}

function servedOf(server: ServedServer): NonNullable<ServerStatus["served"]> {
  const { name, state, weight, up, inUse } = server;
  return { name, state, weight, up, inUse };
}

/** All that looks like an address with a port, as `ip port`. */
function addressesIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, six, four, port] of text.matchAll(
    /(?:\[([\da-fA-F:.%]+)\]|((?:\d{1,3}\.){3}\d{1,3}|[\da-fA-F:]*::?[\da-fA-F.]+)):(\d{1,5})\b/g,
  )) {
    found.add(`${six ?? four} ${port}`);
  }
  return found;
}
