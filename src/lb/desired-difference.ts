import type { Admission, Desired, Observation, Server } from "./model.js";

const rank: Readonly<Record<Admission, number>> = { out: 0, drain: 1, ready: 2 };

/** How many servers differ between two desired states, and whether one of them gets less than before. */
export function difference(
  before: Desired | undefined,
  after: Desired,
): { readonly servers: number; readonly lessens: boolean } {
  const old = serversOf(before);
  const fresh = serversOf(after);
  let servers = 0;
  let lessens = false;
  for (const [key, server] of fresh) {
    const was = old.get(key);
    if (was === undefined || was.weight !== server.weight || was.admission !== server.admission) {
      servers += 1;
    }
    if (was !== undefined && rank[server.admission] < rank[was.admission]) lessens = true;
  }
  for (const key of old.keys()) {
    if (fresh.has(key)) continue;
    servers += 1;
    lessens = true;
  }
  return { servers, lessens };
}

/**
 * `planned` without what `newest` does not want any more: so that a round that began earlier never gives
 * requests to a server that was taken out meanwhile. Nothing is added; the version stays that of the
 * file.
 */
export function tempered(planned: Desired, newest: Desired): Desired {
  if (planned.version === newest.version) return planned;
  const wanted = serversOf(newest);
  const pools = planned.pools.map(({ name, servers }) => ({
    name,
    servers: servers.flatMap((server) => {
      const now = wanted.get(keyOf(name, server));
      if (now === undefined) return [];
      return rank[now.admission] < rank[server.admission] ? [now] : [server];
    }),
  }));
  return { ...planned, pools };
}

/** Whether the proxy gives requests to a server that is to be out at once. */
export function servesDead(desired: Desired, { servers }: Observation): boolean {
  return desired.pools.some(({ name, servers: wanted }) =>
    wanted.some(
      ({ admission, ip, port }) =>
        admission === "out" &&
        servers.some(
          (one) => one.state === "ready" && one.pool === name && one.ip === ip && one.port === port,
        ),
    ),
  );
}

function serversOf(desired: Desired | undefined): ReadonlyMap<string, Server> {
  const servers = new Map<string, Server>();
  for (const { name, servers: members } of desired?.pools ?? []) {
    for (const server of members) servers.set(keyOf(name, server), server);
  }
  return servers;
}

/** What makes a server the same one: pool, node and address. */
export function keyOf(
  pool: string,
  server: { readonly node: string; readonly ip: string; readonly port: number },
): string {
  return `${pool}\n${server.node}\n${server.ip}\n${server.port}`;
}
