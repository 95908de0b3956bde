import { OperatorError } from "../base/errors.js";
import type { Bytes } from "../base/units.js";
import type { Finding } from "../examine/finding.js";
import type { ApplicationState } from "../observe/application.js";
import {
  type PortState,
  type Reach,
  type ReachAnswer,
  type ReachQuestion,
  reachQuery,
} from "../observe/reach.js";
import type { Setup } from "../observe/setup.js";
import type { Member } from "../serf/events.js";
import type { Keyring } from "../wire/keyring.js";
import { decodeText, encodeText } from "../wire/text.js";
import type { Insight } from "./insight.js";

/** What an agent knows that asks and is asked how members are reached. */
export interface DoctorParts {
  readonly members: () => readonly Member[];
  readonly keyring: () => Keyring | undefined;
  readonly setup: () => Setup;
  /** Our own name. */
  readonly self: string;
  /** Bytes of a whole response, see `query_response_size_limit`. */
  readonly responseLimit: number;
}

/** Questions of others at the same time; those beyond get no answer: anybody in the cluster may ask. */
const maxAnswering = 4;

/** Of a response beside its payload and two names: fields, and the envelope if it is relayed. */
const overhead = 160;

/** Faults that are counted on: an answer has room for a few. */
const maxFaults = 64;

/** Whoever asks for the rest of a report is to be told the rest of the same one. */
const reportAge = 2_000;
/** A question is small; what is longer is none. */
const maxQuestionBytes = 1_024;

/**
 * What `gossipd doctor` asks of its agent, and that of others: pings to the addresses of members, and
 * whether ports of this machine are open. What it takes is loaded when somebody asks.
 */
export class DoctorAnswers {
  readonly #parts: DoctorParts;
  #answering = 0;
  #application: (() => ApplicationState) | undefined;
  #faults: { readonly at: number; readonly found: Promise<readonly Finding[]> } | undefined;

  constructor(parts: DoctorParts) {
    this.#parts = parts;
  }

  offer({ peers, topics }: Pick<Insight, "peers" | "topics">): void {
    topics.on("setup", () => this.#parts.setup());
    topics.on("application", () => ({ application: this.#application?.() ?? null }));
    topics.on("reach", async ({ node }) => {
      if (typeof node !== "string") throw new OperatorError("node is no name");
      return { reach: await this.#reach(node) };
    });
    peers.on(reachQuery, (payload, from) => this.#answer(payload, from));
  }

  /** From now on it is told how an application of ours fares. */
  tellOf(application: () => ApplicationState): void {
    this.#application = application;
  }

  async #answer(payload: Bytes, from: string): Promise<Bytes | undefined> {
    const question = readQuestion(payload);
    if (question === undefined || this.#answering >= maxAnswering) return undefined;
    this.#answering += 1;
    try {
      const answer = await this.#answerTo(question);
      const { application: skip } = question;
      if (skip === undefined) return encodeText(JSON.stringify(answer));
      return await this.#withApplication(answer, skip, from);
    } finally {
      this.#answering -= 1;
    }
  }

  async #answerTo({ node, port }: ReachQuestion): Promise<ReachAnswer> {
    const [reach, state] = await Promise.all([
      node === undefined ? null : this.#reach(node),
      port === undefined ? null : portState(port),
    ]);
    const alive = this.#parts.members().filter(({ status }) => status === "alive").length;
    return { now: Date.now(), alive, reach, port: state };
  }

  async #withApplication(answer: ReachAnswer, skip: number, from: string): Promise<Bytes> {
    const state = this.#application?.();
    if (state === undefined) return encodeText(JSON.stringify({ ...answer, application: null }));
    const { responseLimit, self } = this.#parts;
    const now = performance.now();
    if (this.#faults === undefined || now - this.#faults.at > reportAge) {
      this.#faults = { at: now, found: this.#examine(state) };
    }
    const found = (await this.#faults.found).slice(0, maxFaults);
    const room = responseLimit - overhead - encodeText(self).length - encodeText(from).length;
    const { packReport } = await import("./application-report.js");
    return packReport(found, skip, room, (application) => ({ ...answer, application }));
  }

  async #examine(state: ApplicationState): Promise<readonly Finding[]> {
    const { members, self } = this.#parts;
    const { examineApplication, readPortTag } = await import("../examine/application.js");
    const tag = members()
      .find(({ name }) => name === self)
      ?.tags.get("port");
    const path = process.env.PATH ?? "/usr/bin:/bin";
    return await examineApplication({ state, path, portTag: readPortTag(tag) });
  }

  async #reach(node: string): Promise<Reach | null> {
    const member = this.#parts.members().find(({ name }) => name === node);
    if (member === undefined) return null;
    const { probeReach, probeTimeout } = await import("./reach-probe.js");
    const keyring = this.#parts.keyring();
    return await probeReach({ address: member.address, keyring, timeout: probeTimeout });
  }
}

async function portState(port: number): Promise<PortState> {
  const { portStateOf, readListeners } = await import("../lb/listeners.js");
  return portStateOf(await readListeners(), port);
}

function readQuestion(payload: Bytes): ReachQuestion | undefined {
  if (payload.length > maxQuestionBytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(decodeText(payload));
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { application, node, port } = value as Record<string, unknown>;
  if (node !== undefined && typeof node !== "string") return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  if (application !== undefined && !isCount(application)) return undefined;
  return {
    ...(node === undefined ? {} : { node }),
    ...(port === undefined ? {} : { port }),
    ...(application === undefined ? {} : { application }),
  };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maxFaults;
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}
