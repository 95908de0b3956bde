import type { DrainAnswer } from "./load-balancer.js";
import type { Observation } from "./model.js";

/**
 * Remembers which nodes old workers may still serve, so that nobody stops under their last requests.
 *
 * A reload starts a new process; the old one goes on with its connections by its own old idea of the
 * pool, and does not say which servers it uses.
 */
export class ServiceRecord {
  #last: Observation | undefined;
  /** At most as many as the pools had servers since the last time without old workers. */
  readonly #oldOnes = new Set<string>();

  note(observed: Observation): void {
    if (observed.trouble !== undefined) return;
    if (this.#last !== undefined && this.#last.process !== observed.process) {
      for (const { node, state, inUse } of this.#last.servers) {
        if (node !== undefined && (state !== "maint" || inUse > 0)) this.#oldOnes.add(node);
      }
    }
    if (observed.lingering === 0) this.#oldOnes.clear();
    this.#last = observed;
  }

  /** Whether `node` may stop, by what was observed last. */
  drained(node: string, observed: Observation | undefined): Pick<DrainAnswer, "state" | "inUse"> {
    if (observed === undefined || observed.trouble !== undefined) {
      return { state: "unknown", inUse: 0 };
    }
    const own = observed.servers.filter((server) => server.node === node);
    const old = this.#oldOnes.has(node) ? observed.lingering : 0;
    // A proxy that knows which old workers use it has counted them already.
    const inUse = Math.max(
      old,
      own.reduce((sum, server) => sum + server.inUse, 0),
    );
    if (own.some(({ state }) => state === "ready")) return { state: "serving", inUse };
    const isOut = inUse === 0 && own.every(({ state }) => state === "maint");
    return { state: isOut ? "out" : "draining", inUse };
  }
}
