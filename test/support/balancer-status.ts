import { noCounts } from "../../src/lb/counters.js";
import type { BalancerStatus, ServerStatus } from "../../src/lb/status.js";

/** A server that is wanted and served, with `parts` of it replaced. */
export function serverStatus(node: string, parts: Partial<ServerStatus> = {}): ServerStatus {
  return {
    node,
    ip: "10.0.0.1",
    port: 80,
    weight: 1,
    desired: { admission: "ready", cause: "alive" },
    inFile: true,
    served: { name: node, state: "ready", weight: 1, up: true, inUse: 0 },
    since: "2026-01-01T00:00:00.000Z",
    ...parts,
  };
}

/** A balancer that is in step and has done nothing yet, with `parts` of it replaced. */
export function balancerStatus(parts: Partial<BalancerStatus> = {}): BalancerStatus {
  return {
    name: "edge",
    kind: "haproxy",
    file: "/etc/haproxy/haproxy.cfg",
    dryRun: false,
    condition: "in step",
    since: "2026-01-01T00:00:00.000Z",
    ok: true,
    reason: null,
    version: "v1",
    applied: "v1",
    appliedAt: "2026-01-01T00:00:00.000Z",
    written: "v1",
    last: null,
    next: null,
    waits: [],
    pools: [{ name: "web", servers: [serverStatus("a")], free: 0 }],
    holds: [],
    refused: [],
    damped: [],
    process: "100",
    lingering: 0,
    counters: noCounts(),
    ...parts,
  };
}
