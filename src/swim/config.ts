import type { Address } from "../base/address.js";
import type { Bytes, Millis } from "../base/units.js";
import type { Keyring } from "../wire/keyring.js";
import type { Roster } from "./roster.js";

/** What a profile fixes (protocol.md section 4.1). */
export interface Timing {
  /** How long a whole exchange over a stream may take. */
  readonly streamTimeout: Millis;
  /** How many others are asked to ping a silent member. */
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly pushPullInterval: Millis;
  readonly probeInterval: Millis;
  readonly probeTimeout: Millis;
  readonly awarenessMaxMultiplier: number;
  readonly gossipNodes: number;
  readonly gossipInterval: Millis;
  readonly gossipToTheDeadTime: Millis;
}

const lan: Timing = {
  streamTimeout: 10_000,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullInterval: 30_000,
  probeInterval: 1_000,
  probeTimeout: 500,
  awarenessMaxMultiplier: 8,
  gossipNodes: 3,
  gossipInterval: 200,
  gossipToTheDeadTime: 30_000,
};

/** The three profiles of Serf; `lan` is the default. */
export const profiles = {
  lan,
  wan: {
    ...lan,
    streamTimeout: 30_000,
    suspicionMult: 6,
    pushPullInterval: 60_000,
    probeInterval: 5_000,
    probeTimeout: 3_000,
    gossipNodes: 4,
    gossipInterval: 500,
    gossipToTheDeadTime: 60_000,
  },
  local: {
    ...lan,
    streamTimeout: 1_000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    pushPullInterval: 15_000,
    probeTimeout: 200,
    gossipInterval: 100,
    gossipToTheDeadTime: 15_000,
  },
} as const satisfies Record<string, Timing>;

/** Which parts of Lifeguard are on; the simulator takes them away one by one, as the paper does. */
export interface LifeguardParts {
  /** LHA-Probe: who does badly itself probes more slowly, and is told by nacks that it does. */
  readonly probe: boolean;
  /** LHA-Suspicion: a suspect has longer until others confirm; without it always the shortest time. */
  readonly suspicion: boolean;
  /** Buddy System: the ping to a suspect tells it that it is one. */
  readonly buddy: boolean;
}

export const wholeLifeguard: LifeguardParts = { probe: true, suspicion: true, buddy: true };

/** What we do beyond memberlist, without another word on the wire, so that gossip misses nobody. */
export interface Thoroughness {
  /** Some copies go to our {@link Neighbours}, and a small group gets as many as one of ten. */
  readonly neighbours: boolean;
  /** The first copies of what is new go at once, see {@link Gossiper}. */
  readonly promptness: boolean;
  /** Who saw many come at once makes sure of them, see {@link Surge}. */
  readonly surge: boolean;
  /** The first push/pull comes within an interval, see {@link PushPull.start}. */
  readonly earlyExchange: boolean;
}

export const wholeThoroughness: Thoroughness = {
  neighbours: true,
  promptness: true,
  surge: true,
  earlyExchange: true,
};

/** How memberlist, and so Serf, spreads what is new. */
export const memberlistThoroughness: Thoroughness = {
  neighbours: false,
  promptness: false,
  surge: false,
  earlyExchange: false,
};

export interface SwimConfig {
  readonly name: string;
  /** Where others reach us; announced with every alive claim. */
  readonly advertise: Address;
  /** Where we listen: stands in for a missing port in alive claims and indirect pings. */
  readonly bindPort: number;
  readonly timing: Timing;
  readonly compression: boolean;
  /** Present if and only if the cluster is encrypted. Shared with its owner: changes take effect at once. */
  readonly keyring: Keyring | undefined;
  /** Empty for none; stock agents know none. */
  readonly label: string;
  /** PMin, PMax, PCur, DMin, DMax, DCur. */
  readonly versions: Bytes;
  /** Believe only in members whose names have no {@link nodeNameFault}; off unless set. */
  readonly validateNames?: boolean;
  /**
   * False: nobody is asked for a member that is claimed to be elsewhere, and the claim is not believed.
   * That is memberlist's way; tests have members of both kinds.
   */
  readonly inquires?: boolean;
  /**
   * True: members whose hosts refuse connections are declared dead as soon as others confirm it, see
   * {@link Refusals}. Off unless set; it is nothing that memberlist does.
   */
  readonly refusals?: boolean;
  /** True: who hears nobody at all keeps to itself whom it suspects, see {@link Isolation}. Off unless set. */
  readonly isolation?: boolean;
  /** {@link wholeLifeguard} unless set; plain SWIM has none of it. */
  readonly lifeguard?: LifeguardParts;
  /** {@link wholeThoroughness} unless set; simulations have members without parts of it. */
  readonly thoroughness?: Thoroughness;
  /** Who knows each other from the beginning, ourselves among them; in an agent there is none. */
  readonly roster?: Roster | undefined;
}
