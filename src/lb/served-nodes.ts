import { compareTexts } from "../base/compare-texts.js";
import type { Observation } from "./model.js";

/** Of which nodes what a proxy serves has changed, from one time that somebody is told to the next. */
export class ServedNodes {
  /** As it was told last, by node; as many as the proxy has servers. */
  #told: ReadonlyMap<string, string> = new Map();

  /** Sorted; they count as told then. None while the proxy cannot be asked. */
  take(observed: Observation | undefined): readonly string[] {
    if (observed === undefined || observed.trouble !== undefined) return [];
    const before = this.#told;
    const now = served(observed);
    this.#told = now;
    const nodes = new Set([...before.keys(), ...now.keys()]);
    return [...nodes].filter((node) => before.get(node) !== now.get(node)).sort(compareTexts);
  }
}

/** What each node gets: how much in which pool, or only the rest of what it had. */
function served({ servers }: Observation): ReadonlyMap<string, string> {
  const shares = new Map<string, string>();
  for (const { ip, node, pool, port, state, weight } of servers) {
    if (node === undefined || state === "maint") continue;
    const share = JSON.stringify([pool, ip, port, state, weight]);
    shares.set(node, `${shares.get(node) ?? ""}${share}`);
  }
  return shares;
}
