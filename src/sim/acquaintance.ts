import { type Address, formatAddress } from "../base/address.js";
import type { Process } from "./process.js";

/**
 * The processes that know of each other, directly or through others, in groups: within one nobody needs
 * to be told where the others are, between two nobody could find out. Who is held for left is looked
 * for by nobody, and who is held elsewhere is not found. A process `remembers` for a while after it was
 * started: it looks for those that its disk tells of.
 */
export function acquainted(
  processes: readonly Process[],
  remembers: (process: Process) => boolean = () => true,
): Process[][] {
  const groupOf = new Map<Process, Process[]>(processes.map((process) => [process, [process]]));
  const byPlace = new Map(processes.map((process) => [placeOf(process), process]));
  for (const process of processes) {
    const view = new Map(process.serf.members().map((member) => [member.name, member]));
    const known = [...view.values()].filter(({ status }) => status !== "left");
    const alive = remembers(process) ? process.recovered?.alive : undefined;
    const remembered = Array.from(alive ?? [], ([name, address]) => ({ name, address })).filter(
      ({ name }) => !view.has(name),
    );
    for (const place of [...known, ...remembered].map(placeOf)) {
      const other = byPlace.get(place);
      if (other !== undefined) unite(groupOf, process, other);
    }
  }
  return [...new Set(groupOf.values())];
}

function placeOf({ address, name }: { readonly address: Address; readonly name: string }): string {
  return `${name} ${formatAddress(address)}`;
}

function unite(groupOf: Map<Process, Process[]>, one: Process, other: Process): void {
  const [group, joining] = [groupOf.get(one), groupOf.get(other)];
  if (group === undefined || joining === undefined || group === joining) return;
  for (const process of joining) {
    group.push(process);
    groupOf.set(process, group);
  }
}
