import { sameAddress } from "../base/address.js";
import type { Process } from "./process.js";

/**
 * The processes that know of each other, directly or through others, in groups: within one nobody needs
 * to be told where the others are, between two nobody could find out. Who is held for left is looked
 * for by nobody, and who is held elsewhere is not found.
 */
export function acquainted(processes: readonly Process[]): Process[][] {
  const groupOf = new Map<Process, Process[]>(processes.map((process) => [process, [process]]));
  const byName = new Map(processes.map((process) => [process.name, process]));
  for (const process of processes) {
    const view = new Map(process.serf.members().map((member) => [member.name, member]));
    const known = [...view.values()].filter(({ status }) => status !== "left");
    const remembered = Array.from(process.recovered?.alive ?? [], ([name, address]) => ({
      name,
      address,
    })).filter(({ name }) => !view.has(name));
    for (const { address, name } of [...known, ...remembered]) {
      const other = byName.get(name);
      if (other !== undefined && sameAddress(other.address, address)) {
        unite(groupOf, process, other);
      }
    }
  }
  return [...new Set(groupOf.values())];
}

function unite(groupOf: Map<Process, Process[]>, one: Process, other: Process): void {
  const [group, joining] = [groupOf.get(one), groupOf.get(other)];
  if (group === undefined || joining === undefined || group === joining) return;
  for (const process of joining) {
    group.push(process);
    groupOf.set(process, group);
  }
}
