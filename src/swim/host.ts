import type { Address } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import type { Random } from "../base/random.js";
import type { Timers } from "../base/timers.js";
import type { Bytes } from "../base/units.js";
import type { Observation } from "./observation.js";

/** Names one TCP connection between the core and its driver; given by the core, never used twice. */
export type StreamId = number;

/** What the core wants done. A driver carries the outputs out in order. */
export type Output =
  /** Send one datagram from the gossip socket. */
  | { readonly kind: "packet"; readonly to: Address; readonly payload: Bytes }
  /** Connect; what is written before the connection stands waits for it. */
  | { readonly kind: "dial"; readonly stream: StreamId; readonly to: Address }
  | { readonly kind: "write"; readonly stream: StreamId; readonly bytes: Bytes }
  /** Send what was written, then close. The driver says nothing more of this stream. */
  | { readonly kind: "close"; readonly stream: StreamId };

/** All that the SWIM core can reach. */
export interface Host {
  readonly timers: Timers;
  /**
   * For what sends when its time comes. The same as {@link timers}, but for a simulation that holds back
   * who is about to send, as memberlist's threads are when the system takes no more.
   */
  readonly sendTimers: Timers;
  readonly random: Random;
  readonly log: Log;
  emit(output: Output): void;
  /** 12 bytes that are never used twice with one key; unpredictable in an agent, seeded in a simulation. */
  nonce(): Bytes;
  /**
   * A suspicion has begun or was refuted. Called in the middle of handling an input: whoever wants to
   * know more asks later.
   */
  readonly noteSuspicion?: () => void;
  /** Nobody measures if there is none. */
  readonly meter?: Meter;
  /** Hears what the failure detector finds out; called in the middle of handling an input. */
  readonly observe?: (observation: Observation) => void;
}
