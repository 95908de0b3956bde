import { formatAddress } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import type { ApplicationFault, ApplicationReport } from "../../observe/application.js";
import {
  type PortState,
  type Reach,
  type ReachAnswer,
  type ReachQuestion,
  reachQuery,
} from "../../observe/reach.js";
import type { QueryAnswer, RpcMember } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { Awaited } from "../awaited.js";

/** An answer with the times around it, by our own clock. */
export interface PeerAnswer {
  readonly answer: ReachAnswer;
  readonly askedAt: number;
  readonly heardAt: number;
}

/** How long members have to try our address and to answer. */
const patience = 3_000;

/** An answer has room for a few faults: so often is asked for the next. */
const mostRounds = 8;

/** Asks other members, through the agent, what can be told only from where they are. */
export class Peers {
  readonly #agent: RpcClient;
  readonly #self: string;
  /** Whether the agent is one of ours, which alone answers more than Serf's commands. */
  readonly #isOurs: boolean;

  constructor(agent: RpcClient, self: string, isOurs: boolean) {
    this.#agent = agent;
    this.#self = self;
    this.#isOurs = isOurs;
  }

  /** How the agent itself reaches a member; undefined if it is one of Serf's or knows no such member. */
  async reach(node: string): Promise<Reach | undefined> {
    if (!this.#isOurs) return undefined;
    return (await this.#agent.ask("reach", { node }, patience)).reach ?? undefined;
  }

  /** Those that confirm nothing. */
  async silent(names: readonly string[]): Promise<readonly string[]> {
    const heard = new Set<string>();
    await this.#ask("_serf_ping", new Uint8Array(0), [], names, ({ from }) => {
      heard.add(from);
      return true;
    });
    return names.filter((name) => !heard.has(name));
  }

  /** How others reach our own agent, by their names; those of Serf do not answer. */
  async howWeAreReached(names: readonly string[]): Promise<ReadonlyMap<string, PeerAnswer>> {
    return await this.#reachAnswers({ node: this.#self }, names);
  }

  /** What a member says of a port of its own machine; undefined if it does not answer. */
  async port(node: string, port: number): Promise<PortState | undefined> {
    const answers = await this.#reachAnswers({ port }, [node]);
    return answers.get(node)?.answer.port ?? undefined;
  }

  /** The faults of a member's application; undefined if it runs none or does not answer. */
  async application(node: string): Promise<readonly ApplicationFault[] | undefined> {
    const faults: ApplicationFault[] = [];
    for (let round = 0; round < mostRounds; round += 1) {
      const question = { application: faults.length };
      const answers = await this.#reachAnswers(question, [node]);
      const report = answers.get(node)?.answer.application ?? undefined;
      if (report === undefined) return round === 0 ? undefined : faults;
      faults.push(...report.faults);
      if (report.faults.length === 0 || faults.length >= report.count) break;
    }
    return faults;
  }

  async #reachAnswers(
    question: ReachQuestion,
    names: readonly string[],
  ): Promise<ReadonlyMap<string, PeerAnswer>> {
    const answers = new Map<string, PeerAnswer>();
    const payload = Buffer.from(JSON.stringify(question));
    const askedAt = Date.now();
    await this.#ask(reachQuery, payload, names, names, (given) => {
      if (given.kind !== "response") return false;
      const answer = readAnswer(given.payload);
      if (answer !== undefined) answers.set(given.from, { answer, askedAt, heardAt: Date.now() });
      return true;
    });
    return answers;
  }

  /** Ends as soon as `take` was content with one of each. */
  async #ask(
    name: string,
    payload: Uint8Array,
    filterNodes: readonly string[],
    awaitedNames: readonly string[],
    take: (answer: QueryAnswer) => boolean,
  ): Promise<void> {
    const awaited = new Awaited(awaitedNames);
    const question = {
      name,
      payload,
      filterNodes,
      filterTags: new Map<string, string>(),
      requestAck: name.startsWith("_"),
      relayFactor: 0,
      timeout: patience,
    };
    const running = await this.#agent.query(question, (answer) => {
      if (take(answer)) awaited.note(answer.from);
    });
    await Promise.race([running.done, awaited.complete]);
    running.stop().catch((thrown: unknown) => {
      // The connection may be closed by then.
      if (!(thrown instanceof OperatorError)) throw thrown;
    });
  }
}

export function addressOfMember({ addr, port }: RpcMember): string {
  return formatAddress({ ip: addr, port });
}

const reached: ReadonlySet<unknown> = new Set([
  "answers",
  "refused",
  "unreachable",
  "silent",
  "mute",
]);
const listening: ReadonlySet<unknown> = new Set(["yes", "loopback", "no", "unknown"]);

/** Anybody may have answered. */
function readAnswer(payload: Uint8Array): ReachAnswer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { alive, application, now, port, reach } = value;
  if (typeof now !== "number" || typeof alive !== "number") return undefined;
  return {
    now,
    alive,
    reach: readReach(reach),
    port: readPort(port),
    application: readApplication(application),
  };
}

function readApplication(value: unknown): ApplicationReport | null {
  if (!isRecord(value) || !Array.isArray(value.faults)) return null;
  const faults = value.faults.slice(0, 64).flatMap((one: unknown) => {
    if (!isRecord(one) || typeof one.about !== "string" || typeof one.found !== "string") return [];
    const cause = typeof one.cause === "string" ? one.cause : null;
    const remedy = Array.isArray(one.remedy) ? one.remedy.slice(0, 8) : [];
    const lines = remedy.filter((line): line is string => typeof line === "string");
    return [{ about: one.about, found: one.found, cause, remedy: lines }];
  });
  return { count: Number(value.count) || 0, faults };
}

function readReach(value: unknown): Reach | null {
  if (!isRecord(value) || typeof value.address !== "string") return null;
  const { address, tcp, udp } = value;
  if (!reached.has(tcp) || !reached.has(udp)) return null;
  return { address, tcp: tcp as Reach["tcp"], udp: udp as Reach["udp"] };
}

function readPort(value: unknown): PortState | null {
  if (!isRecord(value) || !listening.has(value.listens)) return null;
  const others = Array.isArray(value.others) ? value.others.slice(0, 16) : [];
  return {
    port: Number(value.port),
    listens: value.listens as PortState["listens"],
    others: others.filter((one): one is number => Number.isInteger(one)),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
