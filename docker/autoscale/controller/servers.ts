import type { Member } from "gossipd";
import type { Container } from "./docker.ts";

/**
 * How far a server is: `starting` until its member is ready; `ready`; `away` while its member says that it
 * wants no requests (drained or in maintenance by hand, or leaving); `lost` if the others hold its member for
 * failed while the container runs; `late` if it was not ready in time; `stopping` by us; `ended` by itself.
 */
export type Phase = "starting" | "ready" | "away" | "lost" | "late" | "stopping" | "ended";

/** A container together with the member in it. */
export interface Server {
  readonly container: Container;
  readonly phase: Phase;
  /** Since when, by the clock that was given. */
  readonly since: number;
}

interface Memory {
  phase: Phase;
  since: number;
  wasAlive: boolean;
}

/** What the engine says of containers put together with what gossip says of their members. */
export class Servers {
  readonly #startTimeout: number;
  /** One for each container that the engine has. */
  readonly #memories = new Map<string, Memory>();

  constructor(startTimeout: number) {
    this.#startTimeout = startTimeout;
  }

  /** `stopping` holds the ids of those that were told to stop. */
  update(
    now: number,
    containers: readonly Container[],
    members: readonly Member[],
    stopping: ReadonlySet<string>,
  ): Server[] {
    const ids = new Set(containers.map(({ id }) => id));
    for (const id of this.#memories.keys()) if (!ids.has(id)) this.#memories.delete(id);
    return containers.map((container) => {
      const memory = this.#memories.get(container.id) ?? fresh(now);
      this.#memories.set(container.id, memory);
      // A member of this name at another address is that of a container before.
      const member = members.find(
        ({ name, address }) => name === container.name && address === container.address,
      );
      if (member?.status === "alive") memory.wasAlive = true;
      const phase = stopping.has(container.id)
        ? "stopping"
        : this.#phase(now, container, member, memory);
      if (phase !== memory.phase) {
        memory.phase = phase;
        memory.since = now;
      }
      return { container, phase, since: memory.since };
    });
  }

  #phase(
    now: number,
    container: Container,
    member: Member | undefined,
    { phase, since, wasAlive }: Memory,
  ): Phase {
    if (["created", "exited", "dead", "removing"].includes(container.state)) return "ended";
    if (member?.status === "alive") {
      const { state = "ready" } = member.tags;
      if (state === "ready") return "ready";
      if (state !== "starting") return "away";
    } else if (wasAlive) {
      return member?.status === "failed" ? "lost" : "away";
    }
    // Here are also those whose address and name somebody had who is gone.
    if (phase === "late") return "late";
    return phase === "starting" && now - since >= this.#startTimeout ? "late" : "starting";
  }
}

function fresh(now: number): Memory {
  return { phase: "starting", since: now, wasAlive: false };
}
