import type { Swim } from "../swim/swim.js";
import type { SerfConfig } from "./config.js";
import type { SerfParts } from "./parts.js";

/** Numbers about a member, for `info`. */
export interface SerfStats {
  readonly members: number;
  readonly failed: number;
  readonly left: number;
  readonly healthScore: number;
  readonly memberTime: number;
  readonly eventTime: number;
  readonly queryTime: number;
  readonly intentQueue: number;
  readonly eventQueue: number;
  readonly queryQueue: number;
  readonly encrypted: boolean;
  readonly coordinateResets: number;
}

export function statsOf(config: SerfConfig, parts: SerfParts, swim: Swim): SerfStats {
  const { broadcasts, clocks, coordinates, membership } = parts;
  return {
    members: membership.size,
    failed: membership.failed.size,
    left: membership.left.size,
    healthScore: swim.health,
    memberTime: clocks.member.time,
    eventTime: clocks.event.time,
    queryTime: clocks.query.time,
    intentQueue: broadcasts.depth("intent"),
    eventQueue: broadcasts.depth("event"),
    queryQueue: broadcasts.depth("query"),
    encrypted: config.keyring !== undefined,
    coordinateResets: coordinates.counters.resets,
  };
}
