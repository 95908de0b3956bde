import { sameAddress } from "../base/address.js";
import type { Member } from "../serf/events.js";
import type { Process } from "./process.js";
import type { WorldNode } from "./world.js";

/** What has to be so in the end. */
export interface Expectation {
  /** Who is here, and wants to stay. */
  readonly here: readonly Process[];
  readonly nodes: readonly WorldNode[];
  readonly tags: ReadonlyMap<Process, ReadonlyMap<string, string>>;
}

/**
 * What some live views have different from the truth or from each other; undefined if nothing. All
 * that are here are held for alive, where they are and with their tags; about those that are gone all
 * say the same, or nothing, if they came later.
 */
export function disagreement({ here, nodes, tags }: Expectation): string | undefined {
  const processes = new Map(here.map((process) => [process.name, process]));
  if (processes.size < here.length) return twins(here);
  const gone = new Map<string, { viewer: string; status: string }>();
  for (const viewer of here) {
    const view = new Map(viewer.serf.members().map((member) => [member.name, member]));
    for (const name of new Set(nodes.map((node) => node.name))) {
      const process = processes.get(name);
      const member = view.get(name);
      const text =
        process === undefined
          ? describeGone(viewer.name, member, gone)
          : describeHere(member, process, tags.get(process) ?? new Map());
      if (text !== undefined) return `${viewer.name} holds ${name} ${text}`;
    }
  }
  return undefined;
}

function twins(here: readonly Process[]): string {
  const counts = new Map<string, number>();
  for (const { name } of here) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `${count} processes have the name ${name}`)
    .join(", ");
}

function describeHere(
  member: Member | undefined,
  process: Process,
  tags: ReadonlyMap<string, string>,
): string | undefined {
  if (member === undefined) return "for unknown, and it is here";
  if (member.status !== "alive") return `for ${member.status}, and it is here`;
  if (!sameAddress(member.address, process.address)) return "to be elsewhere than it is";
  for (const [tag, value] of tags) {
    if (member.tags.get(tag) !== value) {
      return `to have tag ${tag}=${member.tags.get(tag) ?? ""}, it is ${value}`;
    }
  }
  return undefined;
}

function describeGone(
  viewer: string,
  member: Member | undefined,
  said: Map<string, { viewer: string; status: string }>,
): string | undefined {
  if (member === undefined) return undefined;
  const { name, status } = member;
  if (status !== "failed" && status !== "left") return `for ${status}, and it is gone`;
  const first = said.get(name);
  if (first === undefined) said.set(name, { viewer, status });
  else if (first.status !== status) return `for ${status}, ${first.viewer} for ${first.status}`;
  return undefined;
}
