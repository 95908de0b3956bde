import type { Instant, Millis } from "../base/units.js";
import type { Candidates, Endpoint } from "./backends.js";
import type { ProbeConfig } from "./config.js";
import type { Damping } from "./damping.js";
import type { ProbeAnswers, ProbeQuestion } from "./decision.js";
import type { Admission, Cause, Hold, Server } from "./model.js";

/** All that a pool looks at when it decides. */
export interface Look {
  readonly now: Instant;
  readonly candidates: Candidates;
  readonly isolated: boolean;
  readonly awareness: number;
  readonly probes: ProbeAnswers;
  readonly damping: Damping;
  /** What the operator said of a member; undefined: nothing. */
  override(node: string): Admission | undefined;
  /** Until then those are kept who were served before a restart, and of whom nobody has spoken since. */
  readonly heardBy: Instant;
}

/** What one pool decided; in no particular order. */
export interface PoolDecision {
  readonly servers: readonly Server[];
  readonly holds: readonly Hold[];
  readonly questions: readonly ProbeQuestion[];
  /** When time alone may change something. */
  readonly deadlines: readonly Instant[];
  /** Members that were lost just now, and not as planned. */
  readonly lost: readonly string[];
}

/** One pool of either kind, and what it remembers of what it served. */
export interface PoolPolicy {
  decide(look: Look): PoolDecision;
  /** Ends what is held; returns the members whom that concerns, sorted. */
  accept(now: Instant): readonly string[];
  /** JSON, with times relative to `now`. */
  memory(now: Instant): unknown;
}

export function serverOf(endpoint: Endpoint, admission: Admission, cause: Cause): Server {
  const { node, ip, port, weight, tags } = endpoint;
  return { node, ip, port, weight, tags, admission, cause };
}

/** With a tenth of its weight, but never without any. */
export function lighter(server: Server): Server {
  return {
    ...server,
    weight: Math.min(server.weight, Math.max(1, Math.round(server.weight / 10))),
  };
}

/** How long an answer is waited for before it is decided without it. */
export function patienceFor({ timeout, tries }: ProbeConfig): Millis {
  return timeout * tries + 1_000;
}

/** How long a server that is dead is listed as out: its sessions are ended by then. */
export function lingerFor(drainLimit: Millis): Millis {
  return Math.max(drainLimit, 10_000);
}
