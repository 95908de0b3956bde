import { connect } from "node:net";
import { type Instant, type Millis, seconds } from "../base/units.js";
import { keyOfQuestion, type ProbeAnswers, type ProbeQuestion } from "./decision.js";
import { codeOf } from "./disk.js";

/** A service that answered is asked again after so long, while the question stands. */
const refresh: Millis = seconds(2);

/** One that did not: after the first, doubled up to the second. */
const retry: readonly [Millis, Millis] = [250, seconds(5)];

/** An answer from before the question came up counts if it is not older. */
const freshFor: Millis = 500;

/** An answer that nobody asks for any more is forgotten then. */
const keptFor: Millis = seconds(10);

/** So many probes run at once, the others wait. */
const maxRunning = 50;

/** So many services are asked for at most; those beyond stay unknown. */
const maxServices = 10_000;

/** Between two tries of one probe. */
const betweenTries: Millis = 50;

interface Service {
  readonly question: ProbeQuestion;
  answer: "yes" | "no" | "unknown";
  at: Instant;
  isAsked: boolean;
  isRunning: boolean;
  failures: number;
  takeOff: () => void;
}

export interface ProberHost {
  now(): Instant;
  after(delay: Millis, run: () => void): () => void;
  probe(question: ProbeQuestion): Promise<boolean>;
}

/** Finds out whether services answer, as long as somebody wants to know. */
export class Prober implements ProbeAnswers {
  readonly #host: ProberHost;
  readonly #onChange: () => void;
  /** At most {@link maxServices}. */
  readonly #services = new Map<string, Service>();
  #waiting: Service[] = [];
  #running = 0;
  #isStopped = false;

  /** `onChange` is called after an answer that is another one than before. */
  constructor(host: ProberHost, onChange: () => void) {
    this.#host = host;
    this.#onChange = onChange;
  }

  answer(question: ProbeQuestion): "yes" | "no" | "unknown" {
    return this.#services.get(keyOfQuestion(question))?.answer ?? "unknown";
  }

  /** Whether something is asked that has no answer yet. */
  get isOpen(): boolean {
    return [...this.#services.values()].some((one) => one.isAsked && one.answer === "unknown");
  }

  /** All that is to be known from now on; what was asked before and is not here is dropped. */
  ask(questions: readonly ProbeQuestion[]): void {
    const now = this.#host.now();
    const asked = new Set(questions.map(keyOfQuestion));
    for (const [key, service] of this.#services) {
      if (asked.has(key)) continue;
      service.isAsked = false;
      service.takeOff();
      if (!service.isRunning && now - service.at > keptFor) this.#services.delete(key);
    }
    for (const question of questions) this.#want(now, question);
  }

  stop(): void {
    this.#isStopped = true;
    for (const service of this.#services.values()) service.takeOff();
    this.#waiting = [];
  }

  #want(now: Instant, question: ProbeQuestion): void {
    const key = keyOfQuestion(question);
    const known = this.#services.get(key);
    if (known === undefined) {
      if (this.#services.size >= maxServices) return;
      const service: Service = {
        question,
        answer: "unknown",
        at: now,
        isAsked: true,
        isRunning: false,
        failures: 0,
        takeOff: () => {},
      };
      this.#services.set(key, service);
      this.#begin(service);
      return;
    }
    if (known.isAsked) return;
    known.isAsked = true;
    known.failures = 0;
    if (now - known.at > freshFor) known.answer = "unknown";
    if (!known.isRunning) this.#begin(known);
  }

  #begin(service: Service): void {
    if (this.#isStopped || service.isRunning || !service.isAsked) return;
    if (this.#running >= maxRunning) {
      if (!this.#waiting.includes(service)) this.#waiting.push(service);
      return;
    }
    this.#running += 1;
    service.isRunning = true;
    this.#host.probe(service.question).then(
      (answers) => this.#end(service, answers),
      () => this.#end(service, false),
    );
  }

  /** Those that nobody asks for any more take no turn. */
  #beginNext(): void {
    while (this.#running < maxRunning) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#begin(next);
    }
  }

  #end(service: Service, answers: boolean): void {
    this.#running -= 1;
    service.isRunning = false;
    service.at = this.#host.now();
    if (this.#isStopped) return;
    this.#beginNext();
    if (!service.isAsked) return;
    const before = service.answer;
    service.answer = answers ? "yes" : "no";
    const [first, longest] = retry;
    const pause = answers ? refresh : Math.min(longest, first * 2 ** service.failures);
    service.failures = answers ? 0 : Math.min(service.failures + 1, 20);
    service.takeOff = this.#host.after(pause, () => this.#begin(service));
    if (service.answer !== before) this.#onChange();
  }
}

/** `refused`: nobody listens there, which another try at once would not change. */
type Outcome = "answers" | "silent" | "refused";

/**
 * Whether a service answers: a TCP connection, or a status below 500 for a path. One that knows no such
 * path, or wants to know who asks, is well, and so is one that answers by another protocol.
 */
export async function probeService(question: ProbeQuestion): Promise<boolean> {
  const { ip, port, probe } = question;
  for (let attempt = 1; ; attempt += 1) {
    const outcome =
      probe.path === undefined
        ? await connects(ip, port, probe.timeout)
        : await answersHttp(ip, port, probe.path, probe.timeout);
    if (outcome === "answers") return true;
    if (outcome === "refused" || attempt >= probe.tries) return false;
    await new Promise((resolve) => setTimeout(resolve, betweenTries));
  }
}

function connects(ip: string, port: number, timeout: Millis): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port });
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end("silent"), timeout);
    socket.once("connect", () => end("answers"));
    socket.once("error", (error) => end(outcomeOf(error)));
  });
}

async function answersHttp(
  ip: string,
  port: number,
  path: string,
  timeout: Millis,
): Promise<Outcome> {
  const { request } = await import("node:http");
  return await new Promise((resolve) => {
    const asking = request({ host: ip, port, path, agent: false, headers: { host: "localhost" } });
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      asking.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end("silent"), timeout);
    asking.once("response", ({ statusCode = 500 }) => end(statusCode < 500 ? "answers" : "silent"));
    asking.on("error", (error) => end(outcomeOf(error)));
    asking.end();
  });
}

function outcomeOf(error: Error): Outcome {
  const code = codeOf(error);
  // What was received is no HTTP.
  if (code?.startsWith("HPE_")) return "answers";
  return code === "ECONNREFUSED" ? "refused" : "silent";
}
