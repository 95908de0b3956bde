import type { BalancerConfig, PoolConfig } from "../../../src/lb/config.js";
import type { Decision, PolicyOrder, ProbeAnswers } from "../../../src/lb/decision.js";
import type { LbMember, Server, View } from "../../../src/lb/model.js";
import { Policy } from "../../../src/lb/policy.js";
import { parseSelector } from "../../../src/lb/selector.js";
import type { SettleConfig } from "../../../src/lb/warm-up.js";

export const webPool: PoolConfig = {
  name: "web",
  select: parseSelector("role=web"),
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
};

export const tcpProbe = { path: undefined, timeout: 200, tries: 2 };

export const primaryPool: PoolConfig = {
  ...webPool,
  name: "primary",
  select: parseSelector("role=primary"),
  port: 5432,
  exclusive: { epochTag: "role_epoch", noPrimary: "refuse" },
};

export const edge: BalancerConfig = {
  name: "edge",
  file: "/etc/haproxy/haproxy.cfg",
  template: undefined,
  proxy: {
    kind: "command",
    check: undefined,
    reload: ["true"],
    confirm: undefined,
    line: "%n %h",
    emptyLine: "",
  },
  pools: [webPool],
  governor: {
    quiet: 50,
    maxDelay: 500,
    reloadGap: 5_000,
    maxLingering: 5,
    reloadPatience: 10_000,
    retry: [1_000, 30_000],
  },
  guard: {
    keepShare: 0.5,
    window: 600_000,
    minServers: 1,
    allowEmpty: false,
    disputeLimit: 300_000,
  },
  damping: { halfLife: 20_000, suppress: 3, reuse: 1, ceiling: 8 },
  checkTimeout: 10_000,
  reloadTimeout: 10_000,
  dryRun: false,
  backups: 5,
};

export const settle: SettleConfig = { settleTime: 1_000, settleLimit: 10_000 };

export interface MemberTraits {
  readonly ip?: string;
  readonly status?: LbMember["status"];
  readonly suspected?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A web server of that name; `web7` is at 10.0.0.7 unless said otherwise. */
export function member(name: string, traits: MemberTraits = {}): LbMember {
  const { ip, status = "alive", suspected = false, tags = {} } = traits;
  const number = Number(/\d+$/.exec(name)?.[0] ?? 0);
  return {
    name,
    ip: ip ?? `10.0.${number >> 8}.${number & 255}`,
    tags: new Map(Object.entries({ role: "web", ...tags })),
    status,
    suspected,
  };
}

export function webs(count: number, traits: MemberTraits = {}): LbMember[] {
  return Array.from({ length: count }, (_, index) => member(`web${index + 1}`, traits));
}

export function viewOf(members: readonly LbMember[], changes: Partial<View> = {}): View {
  return {
    self: "lb1",
    members,
    health: { isolated: false, awareness: 0 },
    joined: true,
    ...changes,
  };
}

/** A policy on a clock that only moves when it is told to, with probes that answer what they are told. */
export class Bench {
  now = 1_000_000;
  policy: Policy;
  view: View = viewOf([]);
  /** By `ip:port`; unknown otherwise. */
  readonly answers = new Map<string, "yes" | "no">();
  readonly config: BalancerConfig;
  readonly #probes: ProbeAnswers = {
    answer: ({ ip, port }) => this.answers.get(`${ip}:${port}`) ?? "unknown",
  };

  /** Warmed up already, unless told to be cold. */
  constructor(config: BalancerConfig = edge, members: readonly LbMember[] = [], cold = false) {
    this.config = config;
    this.policy = new Policy(config, settle);
    this.view = viewOf(members);
    if (cold) return;
    this.decide();
    this.pass(settle.settleTime);
  }

  decide(): Decision {
    return this.policy.decide(this.now, this.view, this.#probes);
  }

  /** Decides on these members. */
  see(members: readonly LbMember[], changes: Partial<View> = {}): Decision {
    this.view = viewOf(members, changes);
    return this.decide();
  }

  /** Decides at each deadline on the way. */
  pass(millis: number): Decision {
    const end = this.now + millis;
    let decision = this.decide();
    while (decision.deadline !== undefined && decision.deadline <= end) {
      this.now = decision.deadline;
      decision = this.decide();
    }
    this.now = end;
    return this.decide();
  }

  order(order: PolicyOrder): string {
    return this.policy.order(this.now, order);
  }

  /** Another process goes on with what this one remembered; its clock begins anew. */
  restart(elapsed = 0): void {
    const memory = JSON.parse(JSON.stringify(this.policy.memory())) as unknown;
    this.policy = new Policy(this.config, settle, memory, elapsed);
    this.now = 5_000;
  }
}

/** `web1 ready alive` for each server of a pool. */
export function told({ desired }: Decision, pool = "web"): readonly string[] {
  return serversOf({ desired }, pool).map(
    ({ node, admission, cause }) => `${node} ${admission} ${cause}`,
  );
}

export function ready({ desired }: Pick<Decision, "desired">, pool = "web"): readonly string[] {
  return serversOf({ desired }, pool)
    .filter(({ admission }) => admission === "ready")
    .map(({ node }) => node);
}

export function serversOf({ desired }: Pick<Decision, "desired">, pool = "web"): readonly Server[] {
  return desired.pools.find(({ name }) => name === pool)?.servers ?? [];
}

export function holdsOf({ desired }: Decision): readonly string[] {
  return desired.holds.map(({ kind, nodes }) => `${kind}: ${nodes.join(" ")}`);
}
