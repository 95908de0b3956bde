import { type Instant, seconds } from "../../src/base/units.js";
import type { Member, MemberEventKind } from "../../src/serf/events.js";
import type { ClusterNode, NodeOptions } from "./serf-cluster.js";

/** A member that believes what Serf's does, and tells each change at once: see {@link toldBySerf}. */
export const serfLike: NodeOptions = { inquires: false, refusals: false, coalescePeriod: 0 };

export interface Told {
  readonly kind: MemberEventKind;
  readonly member: Member;
}

/**
 * What Serf's agent would have told its handlers of the changes at `node` (coalesce_member.go): of
 * each window the last change of a member, unless one of its kind was the last that was told of it.
 * That an update is told again with every later window is left out.
 */
export function toldBySerf(node: ClusterNode): Told[] {
  const told: Told[] = [];
  const last = new Map<string, MemberEventKind>();
  let window = new Map<string, Told>();
  let opened: Instant = 0;
  let changed: Instant = 0;
  const flush = (): void => {
    for (const [name, change] of window) {
      if (last.get(name) === change.kind && change.kind !== "member-update") continue;
      last.set(name, change.kind);
      told.push(change);
    }
    window = new Map();
  };
  for (const { at, event } of node.history) {
    if (event.kind === "user" || event.kind === "query") continue;
    if (window.size > 0 && at >= Math.min(opened + seconds(3), changed + seconds(1))) flush();
    if (window.size === 0) opened = at;
    changed = at;
    for (const member of event.members) window.set(member.name, { kind: event.kind, member });
  }
  flush();
  return told;
}
