import type { Millis } from "../base/units.js";

/**
 * What one member's failure detector found out, told as it happens (see {@link Host.observe}): facts for
 * those who later ask why. Plain values that JSON can carry; nothing here decides anything.
 */
export type Observation =
  | Acked
  | TroubledProbe
  | Suspected
  | Confirmed
  | Cleared
  | Gone
  | Appeared
  | Moved
  | Contested
  | Accused
  | HealthChanged;

/** Our own ping of `node` was acked in time. */
export interface Acked {
  readonly kind: "acked";
  readonly node: string;
  readonly rtt: Millis;
}

/**
 * A probe of ours that the direct ping alone did not answer in time (SWIM section 3.1).
 *
 * `late`: the ack of the direct ping came after the timeout, or only to the ping that we repeat after a
 * refusal. `helped`: only a helper got an answer.
 * `tcp`: only the ping over TCP was answered, so UDP is blocked on the way. `lost`: nobody got an answer;
 * the member is suspected for it.
 */
export interface TroubledProbe {
  readonly kind: "probe";
  readonly node: string;
  readonly outcome: "late" | "helped" | "tcp" | "lost";
  /** From the ping to the outcome. */
  readonly took: Millis;
  /** Members that were asked to ping it for us; at most three. */
  readonly helpers: readonly string[];
  /** How many of these said that they got no answer either. */
  readonly nacks: number;
  /**
   * What the ping over TCP came to. `silent`: the connection stood and nothing came, as with a process
   * that is stopped. `closed`: it stood and was ended without an answer, as by somebody else who listens
   * there now, or by a process that ends. `refused`: nobody listens there. `unreachable`: the connection did not come to be
   * in time, or a router said no. `untried`: it was not begun, or nothing was known of it at the end.
   */
  readonly tcp: "acked" | "silent" | "closed" | "refused" | "unreachable" | "untried";
  /** True if we heard nobody at all since the ping was sent. */
  readonly unheard: boolean;
  /** True if packets of the member itself came meanwhile: then only the way to it is blocked. */
  readonly heard?: true | undefined;
  /** How late our own timers came meanwhile, if that was much: an answer may have waited for us. */
  readonly delay?: Millis | undefined;
}

/** A suspicion of `node` began here. */
interface Suspected {
  readonly kind: "suspected";
  readonly node: string;
  /** The accuser: our own name if it is our own verdict. */
  readonly by: string;
  /**
   * True if it came with a push/pull, which names no accuser: `by` is our own name then, as memberlist
   * has it, though we found nothing out ourselves.
   */
  readonly exchanged?: true | undefined;
  readonly incarnation: number;
  /** True if we keep it to ourselves, because we hear nobody (see `Isolation`). */
  readonly unheard: boolean;
}

/** Another member suspects `node` as well; at most 15 of each suspicion. */
interface Confirmed {
  readonly kind: "confirmed";
  readonly node: string;
  readonly by: string;
  /** How many agree with the first accuser by now. */
  readonly confirmations: number;
}

/** A suspicion is over and the member is here: it refuted, or we hear again that we heard nobody. */
interface Cleared {
  readonly kind: "cleared";
  readonly node: string;
  readonly why: "refuted" | "we were cut off";
  readonly incarnation: number;
  /** How long it was suspected here. */
  readonly after: Millis;
}

/** `node` counts as failed or left from now on. */
export interface Gone {
  readonly kind: "gone";
  readonly node: string;
  readonly state: "failed" | "left";
  /** Who says so: our own name if we decided it, the member's own if it left. */
  readonly by: string;
  /** `timeout`: the suspicion ran out here. `refused`: its host refuses connections. `told`: by others. */
  readonly why: "timeout" | "refused" | "told";
  readonly incarnation: number;
  /** That agreed with the first accuser, as far as we heard. */
  readonly confirmations: number;
}

/** `node` is new here, or back after it was gone. */
interface Appeared {
  readonly kind: "appeared";
  readonly node: string;
  /** `ip:port`. */
  readonly address: string;
  /** What it was to us before; undefined: unknown. */
  readonly before?: "failed" | "left" | undefined;
  /** Where it was before, if that was elsewhere. */
  readonly from?: string | undefined;
  readonly incarnation: number;
}

/** `node` lives and is elsewhere now: it was replaced before it was missed. */
interface Moved {
  readonly kind: "moved";
  readonly node: string;
  readonly from: string;
  readonly to: string;
  readonly incarnation: number;
}

/** Two agents have the name `node`: asked by it, both addresses answered. Of each pair once in a minute. */
interface Contested {
  readonly kind: "contested";
  readonly node: string;
  /** `ip:port` where it goes on to be for us, and where the other is. */
  readonly held: string;
  readonly claimed: string;
}

/** We ourselves were said to be suspect or dead, and refuted that. */
interface Accused {
  readonly kind: "accused";
  /** Our own name, so that all records about one member are found by it. */
  readonly node: string;
  readonly by: string;
  /** As in {@link Suspected}. */
  readonly exchanged?: true | undefined;
  readonly of: "suspect" | "dead";
  readonly incarnation: number;
}

/** Our own Lifeguard score changed: 0 is healthy. */
interface HealthChanged {
  readonly kind: "health";
  /** Our own name. */
  readonly node: string;
  readonly score: number;
}
