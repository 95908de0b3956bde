import { type Address, formatAddress } from "../base/address.js";
import type { ApplicationState } from "../observe/application.js";
import type { RpcServer } from "../rpc/server.js";
import type { Member } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import type { AgentFiles } from "./agent-files.js";
import type { Arrival } from "./arrival.js";
import type { Balancing } from "./balancing.js";
import { DoctorAnswers } from "./doctor-answers.js";
import { now } from "./driver.js";
import type { EventHub } from "./event-hub.js";
import { bareInfo, HttpService } from "./http-service.js";
import type { Insight } from "./insight.js";
import { ownAddresses } from "./interfaces.js";
import { answerAboutHandlers } from "./journal/open-journal.js";
import type { Logs } from "./logs.js";
import { PathCheck } from "./path-check.js";
import type { AgentPlan } from "./plan.js";
import type { OpenMetrics } from "./prometheus/open.js";
import type { MetricSource } from "./prometheus/source.js";
import type { AgentApi } from "./rpc-api.js";
import { Standing } from "./self/standing.js";
import { type SetUp, setupOf } from "./setup.js";
import { answerViews } from "./view-answers.js";
import { WhyAnswers } from "./why-answers.js";

export interface ObservabilityParts {
  readonly agent: SetUp;
  readonly plan: AgentPlan;
  readonly files: AgentFiles;
  readonly logs: Logs;
  readonly advertised: Address;
  readonly serf: Serf;
  readonly arrival: Arrival;
  readonly hub: EventHub;
  readonly insight: Insight;
  readonly balancing: Balancing;
  readonly api: AgentApi;
  readonly rpc: RpcServer;
  /** All members that are remembered; undefined while they are not all there is. */
  readonly members: () => readonly Member[] | undefined;
  readonly isLeaving: () => boolean;
  /** Datagrams that the system did not take. */
  readonly sendErrors: () => number;
}

/**
 * All by which an agent can be looked at, beside what Serf has: its own commands' topics, what other agents
 * ask of it, metrics for Prometheus, HTTP. The last two are not loaded before somebody wants them.
 */
export class Observability {
  readonly #parts: ObservabilityParts;
  readonly #standing: Standing;
  readonly #doctor: DoctorAnswers;
  readonly #source: MetricSource;
  readonly #paths: PathCheck;
  #metrics: Promise<OpenMetrics> | undefined;
  #http: HttpService | undefined;

  constructor(parts: ObservabilityParts) {
    const { advertised, agent, arrival, balancing, files, hub, insight, plan, rpc, serf } = parts;
    const { config } = plan;
    const { disableCoordinates, nodeName: self, profile, queryResponseSizeLimit } = config.settings;
    this.#parts = parts;
    const standing = new Standing({
      now,
      serf,
      arrival,
      insight,
      hub,
      balancing,
      advertised,
      encrypted: files.keyring !== undefined,
      coordinates: !disableCoordinates,
      profile,
    });
    this.#standing = standing;
    const handlerStates = answerAboutHandlers(insight.topics, parts);
    answerViews(insight, serf, queryResponseSizeLimit);
    this.#doctor = new DoctorAnswers({
      members: () => serf.members(),
      keyring: () => files.keyring,
      setup: () => setupOf(agent, config),
      self,
      responseLimit: queryResponseSizeLimit,
    });
    this.#doctor.offer(insight);
    new WhyAnswers({
      chronicle: insight.chronicle,
      wallClock: Date.now,
      self,
      responseLimit: queryResponseSizeLimit,
    }).offer(insight);
    this.#paths = new PathCheck({
      log: parts.logs.of("agent"),
      advertised,
      chronicle: insight.chronicle,
      own: ownAddresses,
      addressOf: (member) => serf.member(member)?.address,
      probe: async (address) => {
        const { probePath, probeTimeout } = await import("./reach-probe.js");
        return await probePath({ address, keyring: files.keyring, timeout: probeTimeout });
      },
    });
    this.#source = {
      startedAt: performance.timeOrigin,
      now,
      serf,
      isJoined: () => arrival.isComplete,
      isSettled: () => standing.isSettled,
      chronicle: insight.chronicle,
      sendErrors: parts.sendErrors,
      handlers: () => hub.counters,
      handlerStates,
      rpc,
      balancing: () => balancing.status,
      loopDelays: () => standing.delays(),
      http: () => this.#http?.figures,
    };
  }

  /** The agent runs an application: whoever asks is told how it fares. */
  tellOf(application: () => ApplicationState): void {
    this.#doctor.tellOf(application);
  }

  /** We are a member from now on. */
  begin(): void {
    const { advertised, insight, serf } = this.#parts;
    const { name: node } = serf.local;
    insight.chronicle.note({ kind: "started", node, address: formatAddress(advertised) });
    this.#standing.begin();
  }

  /** What can be read of the members has changed. */
  noteChange(): void {
    this.#standing.noteChange();
  }

  /** We leave on purpose. */
  noteLeave(): void {
    const { insight, serf } = this.#parts;
    insight.chronicle.note({ kind: "leaving", node: serf.local.name });
  }

  /** For Prometheus; nothing of it is loaded before it is asked for. */
  openMetrics(): Promise<OpenMetrics> {
    this.#metrics ??= this.#loadMetrics();
    return this.#metrics;
  }

  /** Where HTTP clients reach us; empty while none are served. */
  get httpAddresses(): readonly string[] {
    return this.#http?.addresses ?? [];
  }

  /** Begins to serve HTTP clients, if told to. Throws {@link OperatorError}. */
  async startHttp(): Promise<void> {
    const { api, arrival, balancing, insight, isLeaving, logs, plan } = this.#parts;
    this.#http = await HttpService.start(plan.http, {
      log: logs.of("agent.http"),
      token: plan.config.settings.httpToken,
      api,
      wallClock: () => new Date().toISOString(),
      follow: (sink) => insight.chronicle.follow(sink),
      describe: (members) => {
        const known = this.#standing.infos.named(members.map(({ name }) => name));
        return members.map((member) => known.get(member.name) ?? bareInfo(member));
      },
      readiness: () => ({
        joined: arrival.isComplete,
        settled: this.#standing.isSettled,
        leaving: isLeaving(),
      }),
      lbStatus: () => balancing.status,
      lbOrder: (order) => balancing.order(order),
      metrics: async () => {
        const metrics = await this.openMetrics();
        return { contentType: metrics.contentType, text: await metrics.text() };
      },
    });
  }

  async closeHttp(): Promise<void> {
    await this.#http?.close();
  }

  async #loadMetrics(): Promise<OpenMetrics> {
    try {
      const { openMetrics } = await import("./prometheus/open.js");
      return openMetrics(this.#source);
    } catch (thrown) {
      // As while the program's files are being replaced: the next scrape tries again.
      this.#metrics = undefined;
      throw thrown;
    }
  }

  stop(): void {
    this.#paths.stop();
    this.#standing.stop();
  }
}
