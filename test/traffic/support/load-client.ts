import { setMaxListeners } from "node:events";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { HttpConnection, type Request } from "./http-connection.js";
import { LoadRecord, type LoadReport } from "./load-record.js";

/** What a client does with its connection and what it asks for. */
interface ClientKind {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Keeps its connection for as long as the other side allows. */
  readonly keepAlive: boolean;
}

/** The kinds of clients; the paths are those of our web server. */
const clientKinds = {
  fresh: { method: "GET", path: "/", keepAlive: false },
  kept: { method: "GET", path: "/", keepAlive: true },
  post: { method: "POST", path: "/", keepAlive: true },
  freshPost: { method: "POST", path: "/", keepAlive: false },
  /** The server takes 300 ms. */
  slow: { method: "GET", path: "/slow?ms=300", keepAlive: true },
  slowPost: { method: "POST", path: "/slow?ms=300", keepAlive: true },
  /** 1 MB over 2 s. */
  download: { method: "GET", path: "/download?ms=2000&bytes=1000000", keepAlive: false },
} satisfies Readonly<Record<string, ClientKind>>;

export type ClientName = keyof typeof clientKinds;

export interface LoadOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** How many clients of each kind. */
  readonly clients: Readonly<Partial<Record<ClientName, number>>>;
  /**
   * Requests per second of all clients but the slow ones and the downloads, which ask without a pause:
   * each client has its own beat, and latency counts from the beat, so that what waits behind a slow
   * answer is not forgotten. undefined: everyone asks as soon as it has its answer.
   */
  readonly rate?: number;
  /** After so long without a complete answer a request is lost, ms; default 5 s. */
  readonly patience?: number;
}

/** Clients of these kinds have their pace from the server. */
const unpaced: ReadonlySet<string> = new Set(["slow", "slowPost", "download"]);

/**
 * A stream of requests over raw sockets. No request is ever sent twice: what fails is lost, as its user
 * would see it, and the report says how. Like every real client it looks for a FIN before it uses a
 * kept connection again (ordinary HTTP libraries repeat what fails on one, and so hide these losses).
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #record = new LoadRecord();
  readonly #clients: Promise<void>[] = [];
  /** Ends the pauses of all clients. */
  readonly #end = new AbortController();

  private constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Every client begins at once, at a beat of its own. */
  static start(options: LoadOptions): Load {
    const load = new Load(options);
    // Every client waits for it.
    setMaxListeners(0, load.#end.signal);
    const { clients, rate } = options;
    const names = (Object.keys(clients) as ClientName[]).flatMap((name) =>
      Array.from({ length: clients[name] ?? 0 }, () => name),
    );
    const paced = names.filter((name) => !unpaced.has(name)).length;
    const gap = rate === undefined ? 0 : (1_000 * paced) / rate;
    let index = 0;
    for (const name of names) {
      const isPaced = gap > 0 && !unpaced.has(name);
      if (isPaced) index += 1;
      load.#clients.push(
        load.#run(name, isPaced ? { gap, offset: (gap * index) / paced } : undefined),
      );
    }
    return load;
  }

  /** What happened so far. */
  report(): LoadReport {
    return this.#record.report();
  }

  /** How many were answered so far, by `server` if given. */
  answered(server?: string): number {
    return this.#record.answered(server);
  }

  /** How many were lost so far. */
  get lost(): number {
    return this.#record.lost;
  }

  /**
   * The first answer of `server` to a request that was sent at `since` or later, as time of its
   * arrival (`performance.now()`); undefined if there was none.
   */
  firstOn(server: string, since: number): number | undefined {
    return this.#record.firstOn(server, since);
  }

  /** When the last request was sent that `server` answered. */
  lastOn(server: string): number | undefined {
    return this.#record.lastOn(server);
  }

  /** The servers that answered requests sent at `since` or later, sorted. */
  servedBy(since: number): string[] {
    return this.#record.servedBy(since);
  }

  /** Waits for `count` more outcomes, so that something was under way meanwhile. */
  async more(count: number): Promise<void> {
    const goal = this.#record.total + count;
    while (this.#record.total < goal) await sleep(5);
  }

  /** No client sends anything more; resolves with the report when the last one has its answer or lost it. */
  async stop(): Promise<LoadReport> {
    this.#end.abort();
    await Promise.all(this.#clients);
    return this.report();
  }

  async #run(name: ClientName, pace: { gap: number; offset: number } | undefined): Promise<void> {
    const { method, path, keepAlive }: ClientKind = clientKinds[name];
    const { target, patience = 5_000 } = this.#options;
    const request: Request = { method, path, host: `${target.host}:${target.port}`, keepAlive };
    let connection: HttpConnection | undefined;
    let beat = performance.now() + (pace?.offset ?? 0);
    for (;;) {
      if (pace !== undefined) await this.#sleepUntil(beat);
      else await polled();
      if (this.#end.signal.aborted) break;
      const began = pace === undefined ? performance.now() : beat;
      if (pace !== undefined) beat += pace.gap;
      if (connection !== undefined && !connection.usable) {
        this.#record.addClosedIdle();
        connection.destroy();
        connection = undefined;
      }
      const sent = performance.now();
      connection ??= new HttpConnection(target);
      const outcome = await connection.ask(request, patience);
      const at = performance.now();
      if (outcome.kind === "answer") {
        this.#record.addAnswer({ client: name, began, sent, at, by: outcome.by });
      } else {
        const { how, detail, by } = outcome;
        this.#record.addLoss({ client: name, began, sent, at, how, detail, by });
      }
      if (outcome.kind === "loss" || !keepAlive || outcome.closes) {
        connection.destroy();
        connection = undefined;
        // Whoever is refused at once would ask thousands of times a second.
        if (outcome.kind === "loss" && pace === undefined) await this.#sleepUntil(at + 20);
      }
    }
    connection?.destroy();
  }

  async #sleepUntil(time: number): Promise<void> {
    const left = time - performance.now();
    if (left > 0) await sleep(left, undefined, { signal: this.#end.signal }).catch(() => {});
    else await polled();
  }
}

/** Lets the event loop look at all sockets, so that a FIN that has arrived is seen. */
async function polled(): Promise<void> {
  // The first turn may still be that in which the answer came.
  await nextTurn();
  await nextTurn();
}
