import type { Instant, Millis } from "../base/units.js";
import type { World } from "./world.js";

/** What IPv4 and UDP put around each packet. */
const packetHeaderBytes = 28;

/** What a member sends on average, per second. */
export interface Traffic {
  readonly packets: number;
  /** Of packets with the {@link packetHeaderBytes} around each. */
  readonly udpBytes: number;
  /** Without headers: push/pulls and pings over TCP, both ways of each. */
  readonly tcpBytes: number;
  /** Those that it takes part in, whoever began. */
  readonly pushPulls: number;
}

/** All that was sent so far, and for how long members were there for it, over all members. */
interface Totals extends Traffic {
  readonly memberTime: Millis;
}

/** How much all members send; it is asked rarely, since it looks at every member. */
export class TrafficMeter {
  readonly #world: World;
  #up = 0;
  #memberTime: Millis = 0;
  #since: Instant = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** So many more members are up now, or fewer. */
  count(change: number): void {
    const { now } = this.#world;
    this.#memberTime += this.#up * (now - this.#since);
    this.#since = now;
    this.#up += change;
  }

  totals(): Totals {
    this.count(0);
    let [packets, udpBytes, tcpBytes, pushPulls] = [0, 0, 0, 0];
    for (const { process } of this.#world.nodes) {
      if (process === undefined) continue;
      const counters = process.serf.swimCounters;
      packets += counters.packetsSent;
      udpBytes += counters.packetBytesSent + counters.packetsSent * packetHeaderBytes;
      tcpBytes += counters.streamBytesSent;
      pushPulls += counters.pushPulls;
    }
    return { memberTime: this.#memberTime, packets, udpBytes, tcpBytes, pushPulls };
  }
}

/** What was sent between two moments, per member and second. */
export function trafficBetween(before: Totals, after: Totals): Traffic {
  const memberSeconds = Math.max(1, after.memberTime - before.memberTime) / 1_000;
  return {
    packets: (after.packets - before.packets) / memberSeconds,
    udpBytes: (after.udpBytes - before.udpBytes) / memberSeconds,
    tcpBytes: (after.tcpBytes - before.tcpBytes) / memberSeconds,
    pushPulls: (after.pushPulls - before.pushPulls) / memberSeconds,
  };
}
