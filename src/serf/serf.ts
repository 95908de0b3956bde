import type { Address } from "../base/address.js";
import { assert } from "../base/assert.js";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Meter, noMeter } from "../base/meter.js";
import type { Random } from "../base/random.js";
import { TimerQueue, type Timers } from "../base/timers.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { SwimCounters } from "../swim/counters.js";
import type { StreamId } from "../swim/host.js";
import type { JoinResult, JoinTarget } from "../swim/join.js";
import type { SwimMember } from "../swim/member.js";
import type { Observation } from "../swim/observation.js";
import { type OpenSuspicion, Swim } from "../swim/swim.js";
import type { RemoteState } from "../wire/swim-messages.js";
import type { SerfConfig } from "./config.js";
import type { Coordinate } from "./coordinate.js";
import type { CoordinateCounters } from "./coordinate-client.js";
import { SerfCounters } from "./counters.js";
import { Departure, type SerfState } from "./departure.js";
import type { Member, SerfOutput } from "./events.js";
import { type Holdings, holdingsOf } from "./holdings.js";
import { refuseInternal } from "./internal-queries.js";
import type { KeyOperation, KeyReport } from "./keys.js";
import { createParts, type SerfParts } from "./parts.js";
import { versionsOf } from "./protocol-versions.js";
import type { QueryListener, QueryQuestion, RunningQuery } from "./queries.js";
import { Reaper } from "./reaper.js";
import { Rejoin } from "./rejoin.js";
import { type SerfStats, statsOf } from "./stats.js";
import { encodeOwnTags } from "./tags.js";
import { checkUserEventLimit } from "./user-events.js";

/** All that a member needs of the outside. */
export interface SerfHost {
  readonly random: Random;
  /** Where the two layers write; Serf's users know them as components `serf` and `memberlist`. */
  readonly logs: { readonly serf: Log; readonly swim: Log };
  /** 12 bytes that are never used twice with one key; unpredictable in an agent, seeded in a simulation. */
  nonce(): Bytes;
  /**
   * Keeps changed keys beyond our end, primary first; without it they are lost then. Called before
   * the change is answered with yes. Throws {@link OperatorError}: then nothing has changed.
   */
  readonly saveKeyring?: (keys: readonly Bytes[]) => void;
  /**
   * What {@link Serf.members} or {@link Serf.suspects} say has changed. Called at once, before events
   * are collected, and in the middle of handling an input: whoever wants to know more asks later.
   */
  readonly noteChange?: () => void;
  /** Nobody measures if there is none. */
  readonly meter?: Meter;
  /** Hears what the failure detector finds out; called in the middle of handling an input. */
  readonly observe?: (observation: Observation) => void;
  /** Gives the timers of what sends, made of those of all; a simulation may hold them back. */
  readonly sendTimers?: (timers: Timers) => Timers;
}

export interface Health {
  /** There should be others, and we hear nobody at all. */
  readonly isolated: boolean;
  /** Lifeguard's local health: 0 is well; above, we are slow ourselves. */
  readonly awareness: number;
}

/**
 * The whole of a member, without I/O: bytes, commands and time go in, outputs come out.
 *
 * A driver feeds one input, carries out what {@link drain} gives, and arms one timer for
 * {@link deadline}. Nothing that a peer sends makes a call throw; what an operator asks for and cannot
 * have throws {@link OperatorError}.
 */
export class Serf {
  readonly counters = new SerfCounters();

  readonly #config: SerfConfig;
  readonly #timers = new TimerQueue();
  readonly #parts: SerfParts;
  readonly #swim: Swim;
  readonly #reaper: Reaper;
  readonly #rejoin: Rejoin;
  readonly #departure: Departure;
  #outbox: SerfOutput[] = [];
  /** True once we gave up our name to another member. */
  #stopped = false;
  #tags: ReadonlyMap<string, string>;
  /** Joins under way that do not want to hear of the past. */
  #joinsIgnoringOld = 0;
  readonly #meter: Meter;
  /** The instant of the input that is being handled. */
  #now: Instant = 0;

  /** Throws {@link OperatorError} if the tags are too long or a limit is more than there can be. */
  constructor(config: SerfConfig, host: SerfHost) {
    checkUserEventLimit(config.userEventSizeLimit);
    encodeOwnTags(config.tags, config.delegateVersion);
    this.#config = config;
    this.#tags = new Map(config.tags);
    const timers = this.#timers;
    const log = host.logs.serf;
    const meter = host.meter ?? noMeter;
    this.#meter = meter;
    const parts = createParts(config, {
      timers,
      log,
      random: host.random,
      counters: this.counters,
      meter,
      tags: () => this.#tags,
      staying: () => this.state === "alive" && !this.#stopped,
      ignoresOld: () => this.#joinsIgnoringOld > 0,
      saveKeyring: (keys) => host.saveKeyring?.(keys),
      noteBroadcast: () => this.#swim.noteBroadcast(),
      aliveCount: () => this.#swim.aliveCount,
      held: (node) => this.#swim.member(node),
      emit: (event) => this.#outbox.push({ kind: "event", event }),
      ask: (...question) => this.#swim.ask(...question),
      exchange: (now, address) => this.#swim.exchange(now, address),
      ownName: () => this.#swim.ownName,
      stop: (reason) => {
        this.#stopped = true;
        this.#outbox.push({ kind: "stop", reason });
      },
      noteChange: () => host.noteChange?.(),
      record: (record) => this.#outbox.push({ kind: "record", record }),
      sendUser: (to, payload) => this.#swim.sendUser(to, payload),
    });
    this.#parts = parts;
    this.#swim = new Swim(
      {
        ...config,
        versions: versionsOf(config.delegateVersion),
        roster: config.roster?.swim,
      },
      {
        timers,
        sendTimers: host.sendTimers?.(timers) ?? timers,
        random: host.random,
        log: host.logs.swim,
        emit: (output) => this.#outbox.push(output),
        nonce: () => host.nonce(),
        noteSuspicion: () => host.noteChange?.(),
        meter,
        ...(host.observe !== undefined && { observe: host.observe }),
      },
      parts.delegate,
    );
    this.#reaper = new Reaper({
      config,
      timers,
      log,
      random: host.random,
      membership: parts.membership,
      reconnect: (now, { address, name }) => this.#swim.join(now, [{ address, name }], () => {}),
      remind: (member) => parts.announcements.remind(member),
    });
    this.#rejoin = new Rejoin({
      config,
      timers,
      log,
      random: host.random,
      membership: parts.membership,
      staying: () => this.state === "alive",
      contact: (now, target, done) =>
        this.#swim.join(now, [target], ({ contacted }) => done(this.#now, contacted > 0)),
    });
    this.#departure = new Departure({
      config,
      timers,
      log,
      announcements: parts.announcements,
      soon: (run) => timers.at(this.#now, run),
      leaveSwim: (now, timeout, done) => this.#swim.leave(now, timeout, done),
      onLeaving: () => parts.recorder?.leave(),
      hasListeners: () => this.#swim.aliveCount > 1,
      onLeft: (now) => parts.stream.flush(now),
    });
  }

  /** Begins to be a member; alone at first. */
  start(now: Instant): void {
    this.#now = now;
    this.#swim.start(now);
    this.#reaper.start(now);
    this.#parts.recorder?.start(now);
    this.#rejoin.start(now);
    this.#checkQueuesAt(now + this.#config.queueCheckInterval);
  }

  receivePacket(now: Instant, from: Address, datagram: Bytes): void {
    this.#now = now;
    this.#swim.receivePacket(now, from, datagram);
  }

  /** Somebody connected; undefined if it is refused and to be closed at once. */
  acceptStream(now: Instant, from: Address): StreamId | undefined {
    this.#now = now;
    return this.#swim.acceptStream(now, from);
  }

  receiveStream(now: Instant, stream: StreamId, chunk: Bytes): void {
    this.#now = now;
    this.#swim.receiveStream(now, stream, chunk);
  }

  /** A connection that we asked for stands. */
  streamStands(stream: StreamId): void {
    this.#swim.streamStands(stream);
  }

  /** A stream is over: `reason` is undefined if the other side just closed it. */
  streamClosed(
    now: Instant,
    stream: StreamId,
    reason: string | undefined,
    refused?: boolean,
  ): void {
    this.#now = now;
    this.#swim.streamClosed(now, stream, reason, refused);
  }

  /** Runs what is due; to be called at {@link deadline}. */
  handleTimeout(now: Instant): void {
    this.#now = now;
    this.#timers.runDue(now);
  }

  /** When {@link handleTimeout} has something to do next. */
  deadline(): Instant | undefined {
    return this.#timers.deadline();
  }

  /** What is to be done now, in order; each output is given once. */
  drain(): SerfOutput[] {
    const outputs = this.#outbox;
    this.#outbox = [];
    return outputs;
  }

  /**
   * Joins the groups of `targets`. User events from before are delivered only if `replay` is true.
   * Throws {@link OperatorError} after a leave.
   */
  join(
    now: Instant,
    targets: readonly JoinTarget[],
    replay: boolean,
    done: (result: JoinResult) => void,
  ): void {
    this.#now = now;
    if (this.state !== "alive") {
      throw new OperatorError("Serf can't Join after Leave or Shutdown");
    }
    if (!replay) this.#joinsIgnoringOld += 1;
    this.#swim.join(now, targets, (result) => {
      if (!replay) this.#joinsIgnoringOld -= 1;
      // Serf announces it all the same, and whoever hears that last takes our leave for a failure.
      const staying = this.state === "alive";
      if (staying && result.contacted > 0) this.#parts.announcements.announceJoin(this.#now);
      done(result);
    });
  }

  /** Leaves the group; afterwards everybody has been told, and nobody else is. Throws if it leaves already. */
  leave(now: Instant, done: () => void): void {
    this.#now = now;
    this.#departure.leave(now, done);
  }

  /**
   * Declares that `node` has left: a failed member counts as left, with `prune` it is forgotten. An
   * unknown name is no error.
   */
  forceLeave(
    now: Instant,
    node: string,
    prune: boolean,
    done: (error: string | undefined) => void,
  ): void {
    this.#now = now;
    this.#departure.forceLeave(now, node, prune, done);
  }

  /** Replaces our tags. Throws {@link OperatorError} if they are too long. */
  setTags(
    now: Instant,
    tags: ReadonlyMap<string, string>,
    done: (error: string | undefined) => void,
  ): void {
    this.#now = now;
    encodeOwnTags(tags, this.#config.delegateVersion);
    this.#tags = new Map(tags);
    this.#swim.updateMeta(now, this.#config.broadcastTimeout, (inTime) => {
      const error = inTime ? undefined : "timeout waiting for update broadcast";
      this.#timers.at(this.#now, () => done(error));
    });
  }

  /** Says something to all members, us included. Throws {@link OperatorError} if it is too long. */
  userEvent(now: Instant, name: string, payload: Bytes, coalesce: boolean): void {
    this.#now = now;
    this.#parts.broadcasts.add(
      "event",
      this.#parts.userEvents.originate(now, name, payload, coalesce),
    );
  }

  /**
   * Asks all members, us included; nothing reaches `listener` during the call. Throws
   * {@link OperatorError} if the question is too long or bears a name of Serf's own.
   */
  query(now: Instant, question: QueryQuestion, listener: QueryListener): RunningQuery {
    this.#now = now;
    refuseInternal(question);
    return this.#parts.queries.start(now, question, listener);
  }

  /**
   * Has all members install, use or remove `key`, or say which they have. `done` comes when all have
   * answered, or at the deadline. Throws {@link OperatorError} if too many operations wait already.
   */
  keys(
    now: Instant,
    operation: KeyOperation,
    key: Bytes | undefined,
    done: (report: KeyReport) => void,
  ): void {
    this.#now = now;
    this.#parts.keys.ask(now, operation, key, done);
  }

  /** Answers a delivered query. Throws {@link OperatorError} if it is over, answered, or too long. */
  respond(now: Instant, id: number, payload: Bytes): void {
    this.#now = now;
    this.#parts.inbox.respond(now, id, payload);
  }

  get state(): SerfState {
    return this.#departure.state;
  }

  /** Ourselves, from the start on. */
  get local(): Member {
    const member = this.#parts.membership.get(this.#config.name);
    assert(member !== undefined, "a member knows itself once it was started");
    return member;
  }

  /** A member that is remembered; undefined if there is none of that name. */
  member(name: string): Member | undefined {
    return this.#parts.membership.get(name);
  }

  /** How many members are remembered. */
  get memberCount(): number {
    return this.#parts.membership.size;
  }

  /** All members that are remembered, sorted by name. */
  members(): Member[] {
    const members = Array.from(this.#parts.membership.records(), ({ member }) => member);
    return members.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** True while somebody suspects `node` of having failed and nobody has refuted it. */
  suspects(node: string): boolean {
    return this.#swim.suspects(node);
  }

  /** All of whom {@link suspects} is true; to be read before the next input. */
  suspicions(): Iterable<OpenSuspicion> {
    return this.#swim.suspicions();
  }

  /** What we have to think of ourselves before we believe what we think of others. */
  health(now: Instant): Health {
    return { isolated: this.#swim.isIsolated(now), awareness: this.#swim.health };
  }

  /** The coordinate that `node` last had; undefined if it was never heard. */
  coordinate(node: string): Coordinate | undefined {
    return this.#parts.coordinates.known(node);
  }

  /** The estimated round-trip time between two members; undefined unless both are known. */
  rtt(one: string, other: string): Millis | undefined {
    return this.#parts.coordinates.rtt(one, other);
  }

  /** What became of the coordinates that others sent. */
  get coordinateCounters(): CoordinateCounters {
    return this.#parts.coordinates.counters;
  }

  /** What SWIM counted. */
  get swimCounters(): SwimCounters {
    return this.#swim.counters;
  }

  /** All members as SWIM holds them, in no particular order; to be read before the next input. */
  swimMembers(): Iterable<SwimMember> {
    return this.#swim.members();
  }

  /** Claims that wait to be gossiped. */
  get queuedClaims(): number {
    return this.#swim.queuedClaims;
  }

  /** How many members SWIM holds for what. */
  instances(): Readonly<Record<RemoteState, number>> {
    return this.#swim.instances();
  }

  holdings(): Holdings {
    return holdingsOf(this.#timers, this.#parts, this.#swim);
  }

  stats(): SerfStats {
    return statsOf(this.#config, this.#parts, this.#swim);
  }

  #checkQueuesAt(when: Instant): void {
    this.#timers.at(when, (now) => {
      this.#parts.broadcasts.checkDepth();
      this.#meter.sample("memberlist.queue.broadcasts", this.#swim.queuedClaims);
      this.#checkQueuesAt(now + this.#config.queueCheckInterval);
    });
  }
}
