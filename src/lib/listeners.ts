import { reasonOf } from "../base/errors.js";
import { isWanted } from "./event-names.js";
import type { ClusterEvent, EventName, EventOf, Listener } from "./events.js";

interface Entry {
  readonly name: EventName;
  readonly listener: Listener<ClusterEvent>;
}

/** How many events wait at most for {@link Listeners.release}; the oldest go first. */
const maxHeld = 1_024;

/** Who wants to be told of what. */
export class Listeners {
  /** As many as the program adds. */
  readonly #entries = new Set<Entry>();
  /** At most {@link maxHeld}; undefined once they are released. */
  #held: ClusterEvent[] | undefined = [];

  /** Returns what ends it; calling that twice is harmless. */
  add<Name extends EventName>(name: Name, listener: Listener<EventOf<Name>>): () => void {
    const entry: Entry = { name, listener: listener as Listener<ClusterEvent> };
    this.#entries.add(entry);
    return () => {
      this.#entries.delete(entry);
    };
  }

  /** Tells what was held back, and all that follows at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.tell(event);
  }

  tell(event: ClusterEvent): void {
    if (this.#held === undefined) {
      for (const entry of [...this.#entries]) {
        const { name, listener } = entry;
        if (this.#entries.has(entry) && isWanted(name, event)) call(name, listener, event);
      }
    } else if (this.#held.push(event) > maxHeld) this.#held.shift();
  }
}

/** Calls `listener`; that it fails is the program's to know, and nobody else's to suffer from. */
export function call<Event>(name: string, listener: Listener<Event>, event: Event): void {
  const warn = (thrown: unknown): void => {
    const detail = thrown instanceof Error ? thrown.stack : undefined;
    process.emitWarning(`a listener of ${name} failed: ${reasonOf(thrown)}`, {
      type: "GossipdWarning",
      code: "GOSSIPD_LISTENER",
      ...(detail === undefined ? {} : { detail }),
    });
  };
  try {
    Promise.resolve(listener(event)).catch(warn);
  } catch (thrown) {
    warn(thrown);
  }
}
