export interface LoggedEvent {
  /** ISO 8601. */
  readonly time: string;
  readonly service: string | undefined;
  readonly kind: "started" | "grow" | "shrink" | "start" | "stop" | "ended" | "ready" | "error";
  readonly text: string;
}

/** What happened lately, oldest first. */
export class EventLog {
  readonly #tell: (line: string) => void;
  /** At most `limit`; the oldest are forgotten. */
  readonly #events: LoggedEvent[] = [];
  readonly #limit: number;

  constructor(tell: (line: string) => void, limit = 500) {
    this.#tell = tell;
    this.#limit = limit;
  }

  add(kind: LoggedEvent["kind"], service: string | undefined, text: string): void {
    const event = { time: new Date().toISOString(), service, kind, text };
    // An engine that is away says the same every few seconds.
    const last = this.#events.findLast((each) => each.service === service);
    if (kind === "error" && last?.kind === kind && last.text === text) return;
    this.#events.push(event);
    if (this.#events.length > this.#limit) this.#events.shift();
    this.#tell(`${event.time} ${service ?? "-"} ${kind}: ${text}`);
  }

  /** The newest first. */
  newest(count: number): LoggedEvent[] {
    return this.#events.slice(-count).reverse();
  }
}
