import type { BalancerConfig, GovernorConfig } from "../../../src/lb/config.js";
import type { Admission, Cause, Desired, Server } from "../../../src/lb/model.js";
import { hashOf } from "../../../src/lb/text-hash.js";

const sampleGovernor: GovernorConfig = {
  quiet: 50,
  maxDelay: 500,
  reloadGap: 2_000,
  maxLingering: 3,
  reloadPatience: 30_000,
  retry: [1_000, 30_000],
};

/** A balancer of one pool `web` of the members with the role `web`, at port 80. */
export function sampleBalancer(changes: Partial<BalancerConfig> = {}): BalancerConfig {
  return {
    name: "edge",
    file: "/etc/proxy.cfg",
    template: undefined,
    proxy: {
      kind: "command",
      check: undefined,
      reload: ["true"],
      confirm: undefined,
      line: "server %n %h",
      emptyLine: "",
    },
    pools: [
      {
        name: "web",
        select: {
          text: "role=web",
          terms: [{ tag: "role", values: new Set(["web"]), negated: false }],
        },
        port: 80,
        portTag: "port",
        addressTag: "lb_addr",
        weight: 100,
        weightTag: "weight",
        requiredTags: [],
        includeSelf: false,
        maxServers: 1_000,
        exclusive: undefined,
        serverOptions: "",
        onSuspect: "drain",
        maxSuspects: 0.25,
        probe: undefined,
        drainLimit: 10_000,
      },
    ],
    governor: sampleGovernor,
    guard: {
      keepShare: 0,
      window: 600_000,
      minServers: 0,
      allowEmpty: true,
      disputeLimit: 300_000,
    },
    damping: undefined,
    checkTimeout: 10_000,
    reloadTimeout: 10_000,
    dryRun: false,
    backups: 5,
    ...changes,
  };
}

/** A desired state of one pool `web`: `{ web1: "ready" }`; addresses follow from the names. */
export function desired(
  servers: Readonly<Record<string, Admission>>,
  changes: Partial<Desired> = {},
): Desired {
  const list = Object.entries(servers)
    .map(([node, admission]) => server(node, admission))
    .toSorted((one, other) => (one.node < other.node ? -1 : 1));
  const pools = [{ name: "web", servers: list }];
  const version = hashOf(JSON.stringify(servers)).slice(0, 12);
  return { pools, version, refused: [], holds: [], frozen: false, ...changes };
}

function server(node: string, admission: Admission): Server {
  const causes: Readonly<Record<Admission, Cause>> = {
    ready: "alive",
    drain: "draining",
    out: "failed",
  };
  const cause = causes[admission];
  const ip = `10.0.0.${node.replace(/\D/g, "")}`;
  return { node, ip, port: 80, weight: 100, admission, cause, tags: new Map() };
}
