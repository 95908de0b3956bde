import type { LbStatus } from "../lb/status.js";
import type { MemberInfo, SelfInfo } from "../observe/member-info.js";
import type { StreamEvents, TimedEntry } from "../observe/stream-events.js";
import { EventStreamReader, type StreamEvent } from "./event-stream.js";
import type { Happening, Input } from "./state.js";

type Tell = (input: Input) => void;

const firstWait = 500;
const longestWait = 5_000;

/** An agent that answers nothing for so long counts as gone; it writes a comment more often than that. */
const longestSilence = 45_000;
const longestAnswer = 10_000;

/** Round-trip times and what a proxy serves are told by nobody: they are asked for. */
const askEvery = 5_000;
/** ... of more members than that, less often. */
const many = 200;
const askEveryOfMany = 15_000;

/** What is told by events is asked for as well, soon after: events and answers can overtake each other. */
const confirmAfter = 1_000;

/** A browser has few connections to one agent for all its tabs, so a tab that nobody sees gives its own back. */
const hiddenFor = 60_000;

/**
 * Follows one agent: the stream of events first, then all that it knows; and again whenever the stream has
 * ended, until the page is closed.
 */
export class Feed {
  readonly #tell: Tell;
  #wait = firstWait;
  #lostSince: number | undefined;
  #members = 0;
  #version: string | undefined;
  /** When the agent began whose record we have, and how far. */
  #recordOf: string | undefined;
  #recorded = 0;
  #soon: number | undefined;
  #hidden: number | undefined;
  #stream: AbortController | undefined;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  start(): void {
    document.addEventListener("visibilitychange", () => this.#watch());
    addEventListener("online", () => this.#retryNow?.());
    this.#watch();
    void this.#follow();
  }

  /** Tries again at once, if the agent is lost. */
  retry(): void {
    this.#retryNow?.();
  }

  #retryNow: (() => void) | undefined;

  async #follow(): Promise<never> {
    for (;;) {
      const reason = await this.#once().catch(reasonOf);
      clearTimeout(this.#soon);
      this.#soon = undefined;
      await this.#pause(reason);
    }
  }

  async #pause(reason: string): Promise<void> {
    const now = Date.now();
    this.#lostSince ??= now;
    const wait = this.#wait;
    this.#wait = Math.min(longestWait, this.#wait * 1.6);
    this.#tell({
      kind: "connection",
      connection: { kind: "lost", since: this.#lostSince, retryAt: now + wait, reason },
    });
    await new Promise<void>((resolve) => {
      this.#retryNow = resolve;
      // A tab that nobody sees waits until it is looked at.
      if (!document.hidden) setTimeout(resolve, wait);
    });
    this.#retryNow = undefined;
  }

  /** One stream from its begin to its end; gives the reason of the end. */
  async #once(): Promise<string> {
    const stream = new AbortController();
    this.#stream = stream;
    let silence = setTimeout(() => stream.abort(new Error("it does not answer")), longestAnswer);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => stream.abort(new Error("it fell silent")), longestSilence);
    };
    try {
      const answer = await fetch("v1/events", { signal: stream.signal, cache: "no-store" });
      if (!answer.ok || answer.body === null) throw new Error(await refusalOf(answer));
      const asked = this.#askAll(stream);
      const reader = new EventStreamReader();
      const decoder = new TextDecoder();
      const pieces = answer.body.getReader();
      // Events wait in the connection until all is known that was before them.
      await asked;
      this.#lostSince = undefined;
      this.#wait = firstWait;
      this.#tell({ kind: "connection", connection: { kind: "live" } });
      this.#keepAsking(stream);
      for (;;) {
        heard();
        const { done, value } = await pieces.read();
        if (done) return "it ended the connection";
        for (const event of reader.read(decoder.decode(value, { stream: true }))) {
          this.#take(event, stream);
        }
      }
    } finally {
      clearTimeout(silence);
      stream.abort();
    }
  }

  #take({ name, data }: StreamEvent, stream: AbortController): void {
    if (name === "reset") {
      stream.abort(new Error("it has forgotten what happened meanwhile"));
      return;
    }
    const told: unknown = JSON.parse(data);
    if (name === "member") this.#takeMembers(told as StreamEvents["member"]);
    const happening = happeningOf(told);
    if (happening !== undefined) {
      this.#recorded = Math.max(this.#recorded, happening.seq);
      this.#tell({ kind: "happened", happening });
    }
    this.#confirmSoon(stream);
  }

  #takeMembers({ event, members }: StreamEvents["member"]): void {
    if (event === "member-reap") {
      this.#tell({ kind: "reaped", names: members.map(({ name }) => name) });
    } else this.#tell({ kind: "some", members, at: Date.now() });
  }

  #confirmSoon(stream: AbortController): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#ask(stream).catch((error: unknown) => stream.abort(error));
    }, confirmAfter);
  }

  #keepAsking(stream: AbortController): void {
    const every = this.#members > many ? askEveryOfMany : askEvery;
    setTimeout(() => {
      if (stream.signal.aborted) return;
      const asked = document.hidden ? Promise.resolve() : this.#ask(stream);
      asked.then(
        () => this.#keepAsking(stream),
        (error: unknown) => stream.abort(error),
      );
    }, every);
  }

  /** All that the agent knows, and what it has on record that we do not have. */
  async #askAll(stream: AbortController): Promise<void> {
    const self = await this.#get<SelfInfo>("v1/self", stream);
    const after = this.#recordOf === self.startedAt ? this.#recorded : 0;
    const [past] = await Promise.all([
      this.#get<{ readonly entries: readonly TimedEntry[] }>(`v1/chronicle?after=${after}`, stream),
      this.#askAbout(self, stream),
    ]);
    const happenings = past.entries.map(happeningOf).filter((one) => one !== undefined);
    this.#recordOf = self.startedAt;
    this.#recorded = happenings.at(-1)?.seq ?? after;
    this.#tell({ kind: "past", after, happenings });
  }

  /** What is so now. */
  async #ask(stream: AbortController): Promise<void> {
    await this.#askAbout(await this.#get<SelfInfo>("v1/self", stream), stream);
  }

  async #askAbout(self: SelfInfo, stream: AbortController): Promise<void> {
    // The agent was replaced by one of another version, which has a page of its own.
    if (this.#version !== undefined && this.#version !== self.version) location.reload();
    this.#version = self.version;
    const [members, lb] = await Promise.all([
      this.#get<readonly MemberInfo[]>("v1/members", stream),
      self.balancers.length > 0 ? this.#get<LbStatus>("v1/lb", stream).catch(orNone) : undefined,
    ]);
    const at = Date.now();
    this.#members = members.length;
    this.#tell({ kind: "self", self });
    this.#tell({ kind: "everybody", members, at });
    this.#tell({ kind: "balancers", lb: lb?.balancers.length === 0 ? undefined : lb });
  }

  async #get<Body>(path: string, { signal }: AbortController): Promise<Body> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(longestAnswer)]);
    const answer = await fetch(path, { signal: within, cache: "no-store" });
    if (!answer.ok) throw new Refused(answer.status, await refusalOf(answer));
    this.#setClock(answer);
    return (await answer.json()) as Body;
  }

  #setClock(answer: Response): void {
    const told = Date.parse(answer.headers.get("date") ?? "");
    if (Number.isNaN(told)) return;
    // The header is of whole seconds.
    const ahead = told + 500 - Date.now();
    this.#tell({ kind: "clock", ahead: Math.abs(ahead) < 3_000 ? 0 : ahead });
  }

  #watch(): void {
    clearTimeout(this.#hidden);
    if (document.hidden) {
      this.#hidden = setTimeout(() => this.#stream?.abort(new Error("nobody looks")), hiddenFor);
    } else {
      this.#wait = firstWait;
      this.#retryNow?.();
      if (this.#stream !== undefined && !this.#stream.signal.aborted)
        this.#confirmSoon(this.#stream);
    }
  }
}

/** undefined: an event that is of no entry of the chronicle. */
function happeningOf(told: unknown): Happening | undefined {
  const { seq, at, deed } = told as Partial<TimedEntry>;
  if (seq === undefined || at === undefined || deed === undefined) return undefined;
  return { seq, at: Date.parse(at), deed };
}

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** An agent that keeps no balancer has nothing there. */
function orNone(error: unknown): undefined {
  if (error instanceof Refused && error.status === 404) return undefined;
  throw error;
}

async function refusalOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => undefined)) as
    | { readonly error?: { readonly message?: string } }
    | undefined;
  return body?.error?.message ?? `it answered ${answer.status}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return "it cannot be reached";
  return error instanceof Error ? error.message : String(error);
}
