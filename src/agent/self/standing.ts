import { type Address, formatAddress } from "../../base/address.js";
import type { Instant } from "../../base/units.js";
import type { LoopDelays, SelfInfo } from "../../observe/member-info.js";
import type { Serf } from "../../serf/serf.js";
import type { Arrival } from "../arrival.js";
import type { Balancing } from "../balancing.js";
import type { EventHub } from "../event-hub.js";
import type { Insight } from "../insight.js";
import { LoopWatch } from "../loop-watch.js";
import { isoTime, MemberInfos } from "../member-infos.js";
import { schedule } from "../timers.js";
import { packageVersion } from "./package-version.js";
import { Steadiness } from "./steadiness.js";

export interface StandingParts {
  readonly now: () => Instant;
  readonly serf: Serf;
  readonly arrival: Arrival;
  readonly insight: Insight;
  readonly hub: Pick<EventHub, "handlerCount">;
  readonly balancing: Pick<Balancing, "names">;
  readonly advertised: Address;
  readonly encrypted: boolean;
  readonly coordinates: boolean;
  readonly profile: string;
}

/** How our own member and its process do, and what we know of the others; answers the topics of both. */
export class Standing {
  readonly infos: MemberInfos;
  readonly #parts: StandingParts;
  readonly #steadiness: Steadiness;
  readonly #startedAt = Date.now();
  #watch: LoopWatch | undefined;

  constructor(parts: StandingParts) {
    const { arrival, coordinates, insight, now, serf } = parts;
    const { chronicle, topics } = insight;
    const infos = new MemberInfos({ serf, chronicle, now, wallClock: Date.now, coordinates });
    this.infos = infos;
    this.#parts = parts;
    this.#steadiness = new Steadiness({
      now,
      isJoined: () => arrival.isComplete,
      hasSuspects: () => serf.instances().suspect > 0,
    });
    topics.on("members", (ask) => ({ members: infos.matching(ask) }));
    topics.on("self", () => this.info());
  }

  /** We are a member from now on. */
  begin(): void {
    const { insight, now, serf } = this.#parts;
    const { name: node } = serf.local;
    this.#watch = new LoopWatch({
      now,
      wallClock: Date.now,
      processorTime: () => {
        const { system, user } = process.cpuUsage();
        return (system + user) / 1_000;
      },
      schedule,
      onStall: (stall) => insight.chronicle.note({ kind: "stalled", node, ...stall }),
    });
  }

  /** What can be read of the members has changed. */
  noteChange(): void {
    this.#steadiness.noteChange();
  }

  get isSettled(): boolean {
    return this.#steadiness.isSettled;
  }

  delays(): LoopDelays {
    return this.#watch?.delays() ?? { p50: 0, p99: 0, max: 0 };
  }

  info(): SelfInfo {
    const { advertised, arrival, balancing, encrypted, hub, now, profile, serf } = this.#parts;
    const { awareness: health, isolated } = serf.health(now());
    return {
      name: serf.local.name,
      address: formatAddress(advertised),
      version: packageVersion(),
      startedAt: isoTime(this.#startedAt),
      joined: arrival.isComplete,
      settled: this.isSettled,
      encrypted,
      health,
      isolated,
      loopDelayMillis: this.delays(),
      rssBytes: process.memoryUsage.rss(),
      members: this.infos.counts(),
      balancers: balancing.names,
      handlers: hub.handlerCount,
      profile,
    };
  }

  stop(): void {
    this.#watch?.stop();
  }
}
