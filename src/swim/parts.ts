import { type Meter, noMeter } from "../base/meter.js";
import { maxPushPullMembers } from "../wire/limits.js";
import { PendingAcks } from "./acks.js";
import { Awareness } from "./awareness.js";
import { BroadcastQueue } from "./broadcast-queue.js";
import { type SwimConfig, wholeLifeguard } from "./config.js";
import { SwimCounters } from "./counters.js";
import type { Delegate } from "./delegate.js";
import { Faults } from "./faults.js";
import type { Host } from "./host.js";
import { Isolation } from "./isolation.js";
import { type MemberRecord, Members } from "./members.js";
import { Neighbours } from "./neighbours.js";
import { copiedTo } from "./scaling.js";

/** Members in the table: no more than a push/pull can carry. */
const maxMembers = maxPushPullMembers;

/** Claims that wait to be gossiped: one for each member, and a refutation; push/pull carries the rest. */
const maxBroadcasts = 65_536;

/** What all parts of one SWIM machine share. */
export interface Parts {
  readonly config: SwimConfig;
  readonly host: Host;
  readonly delegate: Delegate;
  /** Ourselves; in the table from the start on. */
  readonly local: MemberRecord;
  readonly members: Members;
  readonly neighbours: Neighbours;
  /** Claims to gossip, by the name of the member. */
  readonly queue: BroadcastQueue;
  readonly acks: PendingAcks;
  readonly awareness: Awareness;
  readonly isolation: Isolation;
  readonly counters: SwimCounters;
  readonly meter: Meter;
  readonly faults: Faults;
}

export function createParts(config: SwimConfig, host: Host, delegate: Delegate): Parts {
  const { lifeguard = wholeLifeguard, timing } = config;
  const { awarenessMaxMultiplier, retransmitMult } = timing;
  const members = new Members(host.random, maxMembers, config.roster);
  const known = members.get(config.name);
  const population = (): number => copiedTo(members, config);
  const counters = new SwimCounters();
  const local: MemberRecord =
    known !== undefined
      ? members.own(known)
      : {
          name: config.name,
          address: config.advertise,
          meta: new Uint8Array(),
          versions: config.versions,
          incarnation: 0,
          state: "dead",
          changedAt: 0,
          suspicion: undefined,
        };
  return {
    config,
    host,
    delegate,
    local,
    members,
    neighbours: new Neighbours(members, local),
    queue: new BroadcastQueue({ retransmitMult, population, capacity: maxBroadcasts }),
    acks: new PendingAcks(),
    isolation: new Isolation(config.isolation === true),
    awareness: new Awareness(awarenessMaxMultiplier, lifeguard.probe, (score) =>
      host.observe?.({ kind: "health", node: config.name, score }),
    ),
    counters,
    meter: host.meter ?? noMeter,
    faults: new Faults(counters, host.log),
  };
}
