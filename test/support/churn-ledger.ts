/** One run of an agent's process, from the moment its events were followed on. */
export class Life {
  readonly node: string;
  readonly from: number;
  /** When the process ended; undefined while it runs. */
  to: number | undefined;
  /** How often each user event came. */
  readonly received = new Map<string, number>();

  constructor(node: string, from: number) {
    this.node = node;
    this.from = from;
  }

  take(event: string): void {
    this.received.set(event, (this.received.get(event) ?? 0) + 1);
  }
}

/** Whoever was followed for so long before an event was a member by then. */
const settledAfter = 5_000;

/** Whoever lived on for so long after an event had a full exchange of all with somebody meanwhile. */
const reachedWithin = 75_000;

/** Which user events were said, and who heard them: each is due once at all who were there. */
export class EventLedger {
  readonly #lives: Life[] = [];
  readonly #said: { readonly event: string; readonly at: number }[] = [];

  begin(node: string): Life {
    const life = new Life(node, performance.now());
    this.#lives.push(life);
    return life;
  }

  say(event: string): void {
    this.#said.push({ event, at: performance.now() });
  }

  get count(): number {
    return this.#said.length;
  }

  /** How many deliveries were due, over all events and agents. */
  get due(): number {
    return this.#each().length;
  }

  /** Deliveries that are missing, as `event at node`. */
  missing(): string[] {
    const missing = this.#each().filter(({ event, life }) => !life.received.has(event));
    return missing.map(({ event, life }) => `${event} at ${life.node}`);
  }

  /** Events that one process got more than once, or that nobody said. */
  wrong(): string[] {
    const said = new Set(this.#said.map(({ event }) => event));
    return this.#lives.flatMap((life) =>
      [...life.received]
        .filter(([event, times]) => times !== 1 || !said.has(event))
        .map(([event, times]) => `${event} ${times} times at ${life.node}`),
    );
  }

  #each(): { readonly event: string; readonly life: Life }[] {
    return this.#said.flatMap(({ event, at }) =>
      this.#lives
        .filter(
          ({ from, to }) =>
            from + settledAfter <= at && at + reachedWithin <= (to ?? Number.POSITIVE_INFINITY),
        )
        .map((life) => ({ event, life })),
    );
  }
}
