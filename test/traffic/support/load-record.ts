import type { LossKind } from "./http-connection.js";

/** A request that was answered. All times are `performance.now()` of this process. */
interface AnsweredRequest {
  readonly client: string;
  /** When it was due. */
  readonly began: number;
  /** When it was sent. */
  readonly sent: number;
  /** When its answer was complete. */
  readonly at: number;
  readonly by: string;
}

export interface LostRequest {
  readonly client: string;
  readonly began: number;
  readonly sent: number;
  readonly at: number;
  readonly how: LossKind;
  readonly detail: string;
  readonly by: string | undefined;
}

/** Milliseconds. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What one server answered. */
export interface ServedByOne {
  readonly count: number;
  /** When the first of its answers arrived, and when the last request was sent that it answered. */
  readonly firstAnswer: number;
  readonly lastRequest: number;
}

export interface LoadReport {
  readonly total: number;
  readonly answered: number;
  /** In the order in which they were lost. */
  readonly lost: readonly LostRequest[];
  /** How many of each kind: `{"fresh connect ECONNREFUSED": 3}`. */
  readonly losses: Readonly<Record<string, number>>;
  /** By the kind of client. */
  readonly latency: Readonly<Record<string, Latency>>;
  /** Kept connections that the other side closed while they were idle, which is no loss. */
  readonly closedIdle: number;
  /** By the server's name. */
  readonly servers: Readonly<Record<string, ServedByOne>>;
}

/** What became of every request. */
export class LoadRecord {
  /** All of a test: some hundred thousand at most. */
  readonly #answers: AnsweredRequest[] = [];
  readonly #lost: LostRequest[] = [];
  readonly #counts = new Map<string, number>();
  #closedIdle = 0;

  addAnswer(request: AnsweredRequest): void {
    this.#answers.push(request);
    this.#counts.set(request.by, (this.#counts.get(request.by) ?? 0) + 1);
  }

  addLoss(request: LostRequest): void {
    this.#lost.push(request);
  }

  addClosedIdle(): void {
    this.#closedIdle += 1;
  }

  get total(): number {
    return this.#answers.length + this.#lost.length;
  }

  get lost(): number {
    return this.#lost.length;
  }

  answered(server: string | undefined): number {
    return server === undefined ? this.#answers.length : (this.#counts.get(server) ?? 0);
  }

  firstOn(server: string, since: number): number | undefined {
    let first: number | undefined;
    for (const { by, sent, at } of this.#since(since))
      if (by === server && sent >= since) first = at;
    return first;
  }

  lastOn(server: string): number | undefined {
    let last: number | undefined;
    for (const { by, sent } of this.#answers) if (by === server && sent > (last ?? 0)) last = sent;
    return last;
  }

  servedBy(since: number): string[] {
    const servers = new Set<string>();
    for (const { by, sent } of this.#since(since)) if (sent >= since) servers.add(by);
    return [...servers].sort();
  }

  report(): LoadReport {
    const losses: Record<string, number> = {};
    for (const { client, how, detail } of this.#lost) {
      const text = `${client} ${how} ${detail}`;
      losses[text] = (losses[text] ?? 0) + 1;
    }
    const times = new Map<string, number[]>();
    for (const { client, began, at } of this.#answers) {
      const taken = times.get(client) ?? [];
      taken.push(at - began);
      times.set(client, taken);
    }
    return {
      total: this.total,
      answered: this.#answers.length,
      lost: [...this.#lost],
      losses,
      latency: Object.fromEntries([...times].map(([client, taken]) => [client, latencyOf(taken)])),
      closedIdle: this.#closedIdle,
      servers: this.#servers(),
    };
  }

  /** Those that arrived at `time` or later, the newest first. */
  *#since(time: number): Iterable<AnsweredRequest> {
    for (let index = this.#answers.length - 1; index >= 0; index -= 1) {
      const answer = this.#answers[index];
      if (answer === undefined || answer.at < time) return;
      yield answer;
    }
  }

  #servers(): Record<string, ServedByOne> {
    const servers: Record<string, ServedByOne> = {};
    for (const { by, sent, at } of this.#answers) {
      const known = servers[by];
      servers[by] = {
        count: (known?.count ?? 0) + 1,
        firstAnswer: Math.min(known?.firstAnswer ?? at, at),
        lastRequest: Math.max(known?.lastRequest ?? sent, sent),
      };
    }
    return servers;
  }
}

/** One line for people: `1200 requests, 3 lost (kept reused closed: 3), kept 1.2/8.0/31 ms`. */
export function reportLine(report: LoadReport): string {
  const { total, lost, losses, latency, closedIdle } = report;
  const classes = Object.entries(losses).map(([text, count]) => `${text}: ${count}`);
  const lostText = lost.length === 0 ? "0 lost" : `${lost.length} lost (${classes.join(", ")})`;
  const times = Object.entries(latency).map(
    ([client, { p50, p99, max }]) =>
      `${client} ${[p50, p99, max].map((time) => time.toFixed(time < 10 ? 1 : 0)).join("/")}`,
  );
  const closed = closedIdle === 0 ? "" : `, ${closedIdle} closed idle`;
  return `${total} requests, ${lostText}${closed}; p50/p99/max ms: ${times.join(", ")}`;
}

function latencyOf(times: number[]): Latency {
  const sorted = times.sort((one, other) => one - other);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
