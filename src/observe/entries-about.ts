import type { Entry } from "./chronicle.js";
import { type Deed, maxNamed } from "./deed.js";

/** Those that tell of `node`, or may: of many members at once not all names are kept. */
export function entriesAbout(entries: readonly Entry[], node: string): readonly Entry[] {
  return entries.filter(({ deed }) => mayTellOf(deed, node));
}

function mayTellOf(deed: Deed, node: string): boolean {
  if ("node" in deed) return deed.node === node;
  return deed.count > maxNamed || deed.nodes.includes(node);
}
