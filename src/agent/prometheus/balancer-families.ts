import type { Admission, Cause } from "../../lb/model.js";
import type {
  BalancerCondition,
  BalancerCounters,
  BalancerStatus,
  PoolStatus,
  ServerStatus,
} from "../../lb/status.js";
import type { Family, Sample } from "./family.js";

/** Pools of one balancer that are told; they come from the configurations of gossipd and of its proxy. */
const maxPools = 100;

const conditions: readonly BalancerCondition[] = [
  "warming up",
  "paused",
  "working",
  "waiting",
  "in step",
  "failed",
];
const admissions: readonly Admission[] = ["ready", "drain", "out"];
const causes: readonly Cause[] = [
  "alive",
  "suspected",
  "failed",
  "left",
  "draining",
  "maintenance",
  "starting",
  "damped",
  "pending",
  "disputed",
  "held",
  "rival",
  "overridden",
];

/** What a server gets from the proxy; `down`: nothing, because the proxy's own check says so. */
const servedStates = ["ready", "drain", "maint", "down"] as const;

/** The load balancers: what is wanted, what is served, and what it took to make these the same. */
export const balancerFamilies: readonly Family[] = [
  ofBalancer(
    "gossipd_balancer_in_step",
    "1 if the proxy was seen to serve what the members say",
    (balancer) => (balancer.dryRun ? undefined : Number(isInStep(balancer))),
  ),
  ofBalancer(
    "gossipd_balancer_ok",
    "0 if the last round failed or the proxy cannot be asked",
    ({ ok }) => Number(ok),
  ),
  ofBalancer(
    "gossipd_balancer_applied_timestamp_seconds",
    "When a change was last confirmed by the proxy, in seconds since 1970",
    ({ appliedAt }) => (appliedAt === null ? undefined : Date.parse(appliedAt) / 1_000),
  ),
  {
    name: "gossipd_balancer_condition",
    help: "1 of the condition that the balancer is in, 0 of the others",
    kind: "gauge",
    labels: ["balancer", "condition"],
    read: ofEach(({ condition }) =>
      conditions.map((one) => ({ labels: [one], value: Number(one === condition) })),
    ),
  },
  counted("rounds", "Times that the proxy was compared with what the members say", "passes"),
  counted("changes", "Rounds that changed the file or the proxy", "changes"),
  counted("failures", "Rounds that failed", "failures"),
  counted("refusals", "Files that the checker of the proxy refused", "refusals"),
  counted("reloads", "Reloads of the proxy that were confirmed", "reloads"),
  counted("reload_failures", "Reloads of the proxy that failed", "reloadFailures"),
  counted("rollbacks", "Times that the last good file was put back", "rollbacks"),
  counted("runtime_steps", "Changes of the running proxy without a reload", "runtimeSteps"),
  counted(
    "drift",
    "Times that the proxy or the file was not as it was left, and repaired",
    "drift",
  ),
  ofPool(
    "gossipd_balancer_servers_wanted",
    "Servers that a pool should have, by what they should get",
    "admission",
    ({ servers }) => countsOf(admissions, servers, ({ desired }) => desired?.admission),
  ),
  ofPool(
    "gossipd_balancer_servers_by_cause",
    "Servers that a pool should have, by why they should get what they get",
    "cause",
    ({ servers }) => countsOf(causes, servers, ({ desired }) => desired?.cause),
  ),
  ofPool(
    "gossipd_balancer_servers_served",
    "Servers of a pool as the proxy has them",
    "state",
    ({ servers }) => countsOf(servedStates, servers, servedState),
  ),
  {
    name: "gossipd_balancer_servers_missing",
    help: "Servers that should get requests and do not",
    kind: "gauge",
    labels: ["balancer", "pool"],
    read: ofEach(({ pools }) =>
      told(pools).map(({ name, servers }) => ({
        labels: [name],
        value: servers.filter(isMissing).length,
      })),
    ),
  },
  {
    name: "gossipd_balancer_slots_free",
    help: "Places of a pool that a server can take without a reload",
    kind: "gauge",
    labels: ["balancer", "pool"],
    read: ofEach(({ pools }) =>
      told(pools).map(({ free, name }) => ({ labels: [name], value: free })),
    ),
  },
  ofBalancer(
    "gossipd_balancer_waits",
    "What only time ends, such as requests under way on a server that drains",
    ({ waits }) => waits.length,
  ),
  ofBalancer(
    "gossipd_balancer_holds",
    "Pools that are kept from what the members say, such as one that would become empty",
    ({ holds }) => holds.length,
  ),
  ofBalancer(
    "gossipd_balancer_members_refused",
    "Members that match a pool and cannot be in it",
    ({ refused }) => refused.length,
  ),
  ofBalancer(
    "gossipd_balancer_members_damped",
    "Members that are held out because they came and went too often",
    ({ damped }) => damped.filter(({ until }) => until !== null).length,
  ),
  ofBalancer(
    "gossipd_balancer_old_workers",
    "Old workers of the proxy that still serve their last connections",
    ({ lingering }) => lingering,
  ),
];

function isInStep({ applied, ok, version }: BalancerStatus): boolean {
  return ok && version !== null && applied === version;
}

function servedState({ served }: ServerStatus): (typeof servedStates)[number] | undefined {
  if (served === null) return undefined;
  return served.state === "ready" && !served.up ? "down" : served.state;
}

function isMissing(server: ServerStatus): boolean {
  return server.desired?.admission === "ready" && servedState(server) !== "ready";
}

function told(pools: readonly PoolStatus[]): readonly PoolStatus[] {
  return pools.slice(0, maxPools);
}

function countsOf<Value extends string>(
  values: readonly Value[],
  servers: readonly ServerStatus[],
  readOf: (server: ServerStatus) => Value | undefined,
): ReadonlyMap<Value, number> {
  const counts = new Map(values.map((value) => [value, 0]));
  for (const server of servers) {
    const value = readOf(server);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** `name`: what is counted, without what all counters of balancers are called. */
function counted(name: string, help: string, key: keyof BalancerCounters): Family {
  return {
    name: `gossipd_balancer_${name}_total`,
    help,
    kind: "counter",
    labels: ["balancer"],
    read: ofEach(({ counters }) => [{ labels: [], value: counters[key] }]),
  };
}

function ofBalancer(
  name: string,
  help: string,
  readOf: (balancer: BalancerStatus) => number | undefined,
): Family {
  const read = ofEach((balancer) => {
    const value = readOf(balancer);
    return value === undefined ? [] : [{ labels: [], value }];
  });
  return { name, help, kind: "gauge", labels: ["balancer"], read };
}

function ofPool(
  name: string,
  help: string,
  label: string,
  countsIn: (pool: PoolStatus) => ReadonlyMap<string, number>,
): Family {
  const read = ofEach(({ pools }) =>
    told(pools).flatMap((pool) =>
      Array.from(countsIn(pool), ([value, count]) => ({
        labels: [pool.name, value],
        value: count,
      })),
    ),
  );
  return { name, help, kind: "gauge", labels: ["balancer", "pool", label], read };
}

/** The samples of all balancers, each with its balancer's name before its labels. */
function ofEach(samplesOf: (balancer: BalancerStatus) => readonly Sample[]): Family["read"] {
  return ({ balancing }) =>
    (balancing()?.balancers ?? []).flatMap((balancer) =>
      samplesOf(balancer).map(({ labels, value }) => ({
        labels: [balancer.name, ...labels],
        value,
      })),
    );
}
