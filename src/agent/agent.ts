import { hostname } from "node:os";
import { type Address, formatAddress } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Bytes } from "../base/units.js";
import { inheritedEnvironment } from "../handler/handler-input.js";
import type { RpcApi, RpcMember } from "../rpc/api.js";
import { RpcServer } from "../rpc/server.js";
import type { Member } from "../serf/events.js";
import { Serf } from "../serf/serf.js";
import type { JoinResult, JoinTarget } from "../swim/join.js";
import { advertisedAddress } from "./addresses.js";
import type { AgentFiles } from "./agent-files.js";
import { Arrival } from "./arrival.js";
import { Balancing } from "./balancing.js";
import type { Companion } from "./companion.js";
import type { Config } from "./config.js";
import { Drain } from "./drain.js";
import { Driver, now } from "./driver.js";
import { NonceSource } from "./entropy.js";
import { EventHub } from "./event-hub.js";
import { Insight } from "./insight.js";
import { isPublic } from "./ip-ranges.js";
import { Joiner, type JoinOutcome } from "./joiner.js";
import { openJournal } from "./journal/open-journal.js";
import { saveKeyring } from "./keyring-file.js";
import { lbConfigOf } from "./lb-config.js";
import { LiveSettings } from "./live-settings.js";
import type { Logs } from "./logs.js";
import type { Discovery } from "./mdns.js";
import { rpcMember } from "./member-list.js";
import { MetricPoll } from "./metric-poll.js";
import { openSinks } from "./metric-servers.js";
import { Metrics } from "./metrics.js";
import { Observability } from "./observability.js";
import { OwnAnswers } from "./own-answers.js";
import type { AgentPlan } from "./plan.js";
import { type MemberView, RetryJoin } from "./retry-join.js";
import { AgentApi } from "./rpc-api.js";
import { listenForRpc } from "./rpc-listener.js";
import { serfConfig } from "./serf-config.js";
import type { Settings } from "./settings.js";
import type { SnapshotFile } from "./snapshot-file.js";
import { type RecoveredSnapshot, recoverSnapshot } from "./snapshot-recovery.js";
import { openSockets, type Sockets } from "./sockets.js";
import { stateTag } from "./state-order.js";
import { TagKeeper } from "./tag-keeper.js";
import { toldTags } from "./tag-layers.js";
import { schedule } from "./timers.js";

export interface AgentParts {
  readonly plan: AgentPlan;
  readonly files: AgentFiles;
  readonly logs: Logs;
  /** How the program calls itself in its log. */
  readonly title: string;
  /** Called when the agent should be stopped by whoever started it; `reason` says why. */
  readonly exit: (code: number, reason: string) => void;
  /** What lives and ends with it; undefined without one. */
  readonly companion?: Companion | undefined;
}

/** Until the application is known to be ready. */
const startingTags: ReadonlyMap<string, string> = new Map([[stateTag, "starting"]]);

/** One member of a cluster as a process: sockets, handlers, RPC and what an operator configured. */
export class Agent {
  /** Where others are told to reach us. */
  readonly advertised: Address;
  /** Where we listen. */
  readonly bound: Address;
  /** What can be asked of us. */
  readonly api: RpcApi;
  readonly #parts: AgentParts;
  readonly #log: Log;
  readonly #serf: Serf;
  readonly #driver: Driver;
  readonly #hub: EventHub;
  readonly #joiner: Joiner;
  readonly #snapshot: SnapshotFile | undefined;
  readonly #live: LiveSettings;
  readonly #rpc: RpcServer;
  readonly #metrics: Metrics;
  readonly #poll: MetricPoll;
  readonly #tags: TagKeeper;
  readonly #drain: Drain;
  readonly #balancing: Balancing;
  readonly #arrival: Arrival;
  readonly #observability: Observability;
  #rpcAddress = "";
  #retryJoin: RetryJoin | undefined;
  #discovery: Discovery | undefined;
  #leaving: Promise<void> | undefined;

  /** Opens the gossip sockets and begins to be a member. Throws {@link OperatorError}. */
  static async start(parts: AgentParts): Promise<Agent> {
    const { logs, plan, title } = parts;
    logs.of("agent").info({}, `${title} agent starting`);
    const sockets = await openSockets(plan.bind, logs.of("memberlist"));
    const metrics = new Metrics({
      sinks: openSinks(plan.metricServers, logs.of("agent")),
      hostName: hostname(),
      clock: () => performance.timeOrigin + performance.now(),
      startedAt: performance.timeOrigin,
    });
    let snapshot: RecoveredSnapshot | undefined;
    try {
      // Not before the sockets: they tell whether another agent runs with the same settings and file.
      snapshot = recoverSnapshot(plan.config.settings, logs.of("serf"), metrics);
      const agent = new Agent(parts, sockets, snapshot, metrics);
      try {
        await agent.#balancing.open(plan.lb);
      } catch (error) {
        agent.#poll.stop();
        agent.#hub.journal.close();
        throw error;
      }
      agent.#begin();
      return agent;
    } catch (error) {
      metrics.close();
      await Promise.all([sockets.udp.close(), sockets.tcp.stop(), snapshot?.file?.close()]);
      throw error;
    }
  }

  private constructor(
    parts: AgentParts,
    sockets: Sockets,
    snapshot: RecoveredSnapshot | undefined,
    metrics: Metrics,
  ) {
    const { files, logs, plan } = parts;
    const { settings, handlers } = plan.config;
    const bound = { ip: plan.bind.ip, port: sockets.tcp.bound.port };
    const advertised = advertisedAddress(plan.advertise, bound);
    const log = logs.of("agent");
    const swimLog = logs.of("memberlist");
    if (isPublic(advertised.ip) && files.keyring === undefined) {
      swimLog.warn({}, "Binding to public address without encryption!");
    }
    const { companion } = parts;
    const beneath = companion === undefined ? new Map<string, string>() : startingTags;
    const told = toldTags({ beneath, kept: files.tags, passing: new Map() });
    const nonces = new NonceSource();
    const insight = new Insight();
    const serf = new Serf(
      { ...serfConfig(plan, files, advertised, bound.port, told), snapshot: snapshot?.state },
      {
        random: { next: Math.random },
        logs: { serf: logs.of("serf"), swim: swimLog },
        nonce: () => nonces.next(),
        meter: metrics,
        observe: (observation) => insight.chronicle.observe(observation),
        noteChange: () => this.#noteChange(),
        saveKeyring: (keys) => {
          if (settings.keyringFile !== "") saveKeyring(settings.keyringFile, keys);
        },
      },
    );
    const arrival = new Arrival(serf, settings, snapshot?.state.alive.keys() ?? []);
    const journal = openJournal({ log, settings, files, chronicle: insight.chronicle });
    const members = (): readonly Member[] | undefined =>
      arrival.isComplete ? serf.members() : undefined;
    const hub = new EventHub({
      log,
      now,
      self: () => serf.local,
      members,
      note: (deed) => insight.chronicle.note(deed),
      journal,
      respond: (id, payload) => respond(id, payload),
      handlerTimeout: settings.handlerTimeout,
      meter: metrics,
      environment: () => inheritedEnvironment(process.env, this.#rpcAddress),
    });
    hub.setHandlers(handlers);
    const driver = new Driver(serf, {
      ...sockets,
      onEvent: (event) => {
        if (event.kind !== "query" || !answers.take(event)) hub.handle(event);
      },
      onRecord: (record) => {
        const begun = performance.now();
        snapshot?.file?.append(record);
        metrics.sample("serf.snapshot.appendLine", performance.now() - begun);
      },
      onStop: (reason) => {
        log.error({}, `Agent has to stop: ${reason}`);
        parts.exit(1, reason);
      },
    });
    const joiner = new Joiner({
      log,
      bindPort: bound.port,
      contact: (targets, replay) => this.#contact(targets, replay),
    });
    const { protocol, tagsFile } = settings;
    const tags = new TagKeeper({
      serf,
      driver,
      protocol,
      file: tagsFile,
      configured: settings.tags,
      beneath,
      initial: files.tags,
    });
    const respond = (id: number, payload: Bytes): void =>
      driver.feed((at) => serf.respond(at, id, payload));
    const answers = new OwnAnswers({
      log,
      self: settings.nodeName,
      tags,
      respond,
      peers: insight.peers,
      askBalancers: (...question) => this.#balancing.answer(...question),
    });
    this.#balancing = new Balancing({
      log: logs.of("agent.lb"),
      now,
      serf,
      isJoined: () => arrival.isComplete,
      tags,
      noteRound: (round) => insight.chronicle.note(round),
    });
    const api = new AgentApi({
      serf,
      driver,
      hub,
      logs,
      log,
      joiner,
      tags,
      coordinates: !settings.disableCoordinates,
      topics: insight.topics,
      lbStatusFile: () => this.#balancing.statusFile,
      leave: () => this.leave(),
    });
    this.#drain = new Drain({
      log,
      now,
      serf,
      tags,
      query: (...question) => api.query(...question),
      servesItself: () => this.#balancing.servesItself,
      tellsState: companion !== undefined,
      schedule,
    });
    this.#tags = tags;
    this.#arrival = arrival;
    this.bound = bound;
    this.advertised = advertised;
    this.api = api;
    this.#parts = parts;
    this.#log = log;
    this.#serf = serf;
    this.#driver = driver;
    this.#hub = hub;
    this.#snapshot = snapshot?.file;
    this.#joiner = joiner;
    this.#live = new LiveSettings(settings, { hub, log, logs, tags });
    this.#rpc = new RpcServer(api, {
      authKey: settings.rpcAuth,
      log: logs.of("agent.ipc"),
      onLeft: () => parts.exit(0, "left the cluster as an RPC client asked"),
    });
    this.#metrics = metrics;
    this.#poll = new MetricPoll({ serf, rpc: this.#rpc.counters, metrics });
    this.#observability = new Observability({
      agent: this,
      plan,
      files,
      logs,
      advertised,
      serf,
      arrival,
      hub,
      insight,
      balancing: this.#balancing,
      api,
      rpc: this.#rpc,
      members,
      isLeaving: () => this.isLeaving,
      sendErrors: () => sockets.udp.counters.sendErrors,
    });
  }

  /** As they are now; a reload changes some. */
  get settings(): Settings {
    return this.#live.settings;
  }

  /** Whether it was told to leave, by whomever. */
  get isLeaving(): boolean {
    return this.#leaving !== undefined;
  }

  get encrypted(): boolean {
    return this.#parts.files.keyring !== undefined;
  }

  /** Our own member as RPC clients are told of it. */
  get self(): RpcMember {
    return rpcMember(this.#serf.local);
  }

  /** Where RPC clients on this host reach us; empty until they are served. */
  get rpcAddress(): string {
    return this.#rpcAddress;
  }

  /** What was measured lately, as text; the last seconds are left out. */
  dumpMetrics(): string {
    return this.#metrics.dump();
  }

  /** Begins to serve RPC clients. Throws {@link OperatorError}. */
  async startRpc(): Promise<void> {
    this.#rpcAddress = await listenForRpc(this.#rpc, this.settings.rpcAddr);
  }

  /** Where HTTP clients reach us; empty while none are served. */
  get httpAddresses(): readonly string[] {
    return this.#observability.httpAddresses;
  }

  /** Begins to serve HTTP clients, if told to. Throws {@link OperatorError}. */
  startHttp(): Promise<void> {
    return this.#observability.startHttp();
  }

  /** Begins to find and be found in the local network, if told to. Throws {@link OperatorError}. */
  async startDiscovery(): Promise<void> {
    const { discover: cluster, nodeName, replayOnJoin, ...settings } = this.settings;
    if (cluster === "") return;
    const { Discovery } = await import("./mdns.js");
    this.#discovery = await Discovery.start({
      log: this.#parts.logs.of("agent.mdns"),
      cluster,
      nodeName,
      hostName: hostname(),
      advertised: this.advertised,
      interface: settings.mdnsInterface,
      ipv4: !settings.mdnsDisableIpv4,
      ipv6: !settings.mdnsDisableIpv6,
      isMember: (address) => this.#memberView().alive.some((one) => formatAddress(one) === address),
      join: (addresses) => this.#joiner.join(addresses, replayOnJoin),
    });
  }

  /** Joins `start_join` once. */
  startJoin(): Promise<JoinOutcome> {
    const { startJoin, replayOnJoin } = this.settings;
    return this.#joiner.join(startJoin, replayOnJoin);
  }

  /** Begins to keep us joined to `retry_join` and `start_join`, if there is any. */
  startRetryJoin(): void {
    const {
      retryJoin: seeds,
      startJoin: joined,
      replayOnJoin: replay,
      retryInterval,
      retryMaxAttempts,
    } = this.settings;
    if (seeds.length === 0 && joined.length === 0) return;
    this.#retryJoin = new RetryJoin({
      log: this.#log,
      joiner: this.#joiner,
      seeds,
      joined,
      replay,
      interval: retryInterval,
      maxRetries: retryMaxAttempts,
      view: () => this.#memberView(),
      onGiveUp: () => this.#parts.exit(1, "none of the members to join could be reached"),
      schedule,
    });
    this.#retryJoin.start();
  }

  /**
   * Has the load balancers of the cluster take us out, at most for `drain_timeout`; undefined if there
   * are none. Later calls wait for the first.
   */
  drain(): Promise<void> | undefined {
    // Once we leave, only one that has begun before is waited for.
    return this.#drain.begin(this.#leaving === undefined ? this.settings.drainTimeout : 0);
  }

  /**
   * Tells the others that we leave, after {@link drain} and the end of the companion; resolves when they
   * know. With `atOnce` nothing is waited for. Later calls wait for the first.
   */
  leave(atOnce = false): Promise<void> {
    this.#leaving ??= this.#leave(atOnce);
    return this.#leaving;
  }

  /** Begins what lives and ends with the agent, if anything; `ended` is called when that has ended. */
  startCompanion(ended: () => void): void {
    const { companion } = this.#parts;
    if (companion === undefined) return;
    this.#observability.tellOf(() => companion.state);
    companion.begin({
      log: this.#log,
      environment: inheritedEnvironment(process.env, this.#rpcAddress),
      tell: (state) => {
        this.#tags.underlie(new Map([[stateTag, state]])).catch((thrown: unknown) => {
          this.#log.warn({ state, reason: String(thrown) }, "tag state could not be set");
        });
      },
      ended,
    });
  }

  /** See {@link LiveSettings.reload}. */
  reload(config: Config): string | undefined {
    const fault = this.#live.reload(config);
    void this.#balancing.reload(() => lbConfigOf(config));
    return fault;
  }

  /** Ends everything. Without a leave before, the others will see us fail. */
  async stop(): Promise<void> {
    this.#log.info({}, "requesting serf shutdown");
    this.#drain.stop();
    const balanced = this.#balancing.stop();
    this.#retryJoin?.stop();
    this.#discovery?.stop();
    if (this.#serf.state !== "left") {
      this.#parts.logs.of("serf").warn({}, "Shutdown without a Leave");
      await this.#driver.stop();
    }
    await balanced;
    // Handlers that are under way may still ask us for members.
    await this.#hub.stop();
    this.#hub.journal.close();
    await this.#observability.closeHttp();
    await this.#rpc.close();
    if (this.#serf.state === "left") await this.#driver.stop();
    await this.#snapshot?.close();
    this.#poll.stop();
    this.#observability.stop();
    this.#metrics.close();
    this.#log.info({}, "shutdown complete");
  }

  #begin(): void {
    this.#driver.start();
    this.#observability.begin();
    this.#arrival.begin();
    this.#balancing.start();
    this.#noteChange();
  }

  async #leave(atOnce: boolean): Promise<void> {
    const began = now();
    const { companion } = this.#parts;
    const drained = atOnce ? undefined : this.drain();
    if (drained !== undefined) await drained;
    if (companion !== undefined && !atOnce) {
      // It may be the proxy that we keep in step.
      void this.#balancing.stop();
      await companion.end(now() - began);
    }
    await this.#depart();
  }

  #depart(): Promise<void> {
    return new Promise((resolve) => {
      this.#log.info({}, "requesting graceful leave from Serf");
      this.#observability.noteLeave();
      void this.#balancing.stop();
      this.#retryJoin?.stop();
      this.#discovery?.stop();
      this.#driver.feed((at) => this.#serf.leave(at, resolve));
    });
  }

  #contact(targets: readonly JoinTarget[], replay: boolean): Promise<JoinResult> {
    return new Promise((resolve) => {
      const done = (result: JoinResult): void => {
        if (result.contacted > 0 && this.#arrival.noteContact()) this.#noteChange();
        resolve(result);
      };
      this.#driver.feed((at) => this.#serf.join(at, targets, replay, done));
    });
  }

  /** What can be read of the members has changed, or that it may be believed. */
  #noteChange(): void {
    this.#observability.noteChange();
    this.#hub.noteChange();
    this.#balancing.noteChange();
  }

  #memberView(): MemberView {
    const members = this.#serf.members();
    return {
      alive: members.filter(({ status }) => status === "alive").map(({ address }) => address),
      failed: members.filter(({ status }) => status === "failed").length,
    };
  }
}
