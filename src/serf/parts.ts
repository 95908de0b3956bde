import type { Address } from "../base/address.js";
import type { Log } from "../base/log.js";
import type { Meter } from "../base/meter.js";
import type { Random } from "../base/random.js";
import type { Timers } from "../base/timers.js";
import type { Bytes } from "../base/units.js";
import type { Delegate } from "../swim/delegate.js";
import type { SwimMember } from "../swim/member.js";
import type { OwnName } from "../swim/own-name.js";
import { copiedTo } from "../swim/scaling.js";
import { Announcements } from "./announcements.js";
import { Broadcasts } from "./broadcasts.js";
import type { SerfConfig } from "./config.js";
import { ConflictLook, type ConflictLookParts } from "./conflict-look.js";
import { CoordinateClient } from "./coordinate-client.js";
import type { SerfCounters } from "./counters.js";
import { EventStream } from "./event-stream.js";
import type { SerfEvent } from "./events.js";
import { KeyAnswers } from "./key-answers.js";
import { Keys } from "./keys.js";
import { LamportClock, successor } from "./lamport.js";
import { Membership } from "./membership.js";
import { type Clocks, UserState } from "./merge.js";
import { NameConflicts } from "./name-conflicts.js";
import { NameContest } from "./name-contest.js";
import { NamePoll } from "./name-poll.js";
import { Queries } from "./queries.js";
import { QueryFilters } from "./query-filter.js";
import { QueryInbox } from "./query-inbox.js";
import { QueryReplies } from "./query-replies.js";
import { Reclaim } from "./reclaim.js";
import { Release } from "./release.js";
import type { SnapshotRecord } from "./snapshot.js";
import { SnapshotRecorder } from "./snapshot-recorder.js";
import { SwimDelegate } from "./swim-delegate.js";
import { encodeOwnTags } from "./tags.js";
import { UserEvents } from "./user-events.js";

/** The machine that the parts make up, as they see it. */
export interface Surroundings {
  readonly timers: Timers;
  readonly log: Log;
  readonly random: Random;
  readonly counters: SerfCounters;
  readonly meter: Meter;
  /** Our own tags, as they are now. */
  tags(): ReadonlyMap<string, string>;
  /** False from the moment on at which we leave. */
  staying(): boolean;
  /** True while a join of ours is under way that does not want to hear of the past. */
  ignoresOld(): boolean;
  /** What SWIM holds of `node`. */
  held(node: string): SwimMember | undefined;
  /** There is something to gossip. */
  noteBroadcast(): void;
  /** Members that are neither dead nor left, ourselves included. */
  aliveCount(): number;
  emit(event: SerfEvent): void;
  /** What is known of the members has changed; at once, before events are collected. */
  noteChange(): void;
  record(record: SnapshotRecord): void;
  /** Keeps the keys beyond our end; throws {@link OperatorError}. */
  saveKeyring(keys: readonly Bytes[]): void;
  /** As {@link ConflictLookParts}. */
  readonly ask: ConflictLookParts["ask"];
  readonly exchange: ConflictLookParts["exchange"];
  /** What can be done about others that use our name. */
  ownName(): OwnName;
  /** Ends this member, without a leave. */
  stop(reason: string): void;
  /** Sends one message in a packet of its own. */
  sendUser(to: Address, payload: Bytes): void;
}

/** What one Serf machine consists of, on top of SWIM. */
export interface SerfParts {
  readonly clocks: Clocks;
  readonly stream: EventStream;
  readonly coordinates: CoordinateClient;
  readonly membership: Membership;
  readonly broadcasts: Broadcasts;
  readonly announcements: Announcements;
  readonly userEvents: UserEvents;
  readonly inbox: QueryInbox;
  readonly queries: Queries;
  /** Undefined without a snapshot. */
  readonly recorder: SnapshotRecorder | undefined;
  readonly keys: Keys;
  /** What SWIM asks and tells, shared out among the parts. */
  readonly delegate: Delegate;
}

export function createParts(config: SerfConfig, surroundings: Surroundings): SerfParts {
  const { counters, log, meter, random, sendUser, staying, tags, timers } = surroundings;
  const self = config.name;
  const clocks = {
    member: new LamportClock(),
    event: new LamportClock(),
    query: new LamportClock(),
  };
  const { snapshot } = config;
  const recorder =
    snapshot && new SnapshotRecorder(snapshot, { clocks, timers, emit: surroundings.record });
  const { roster } = config;
  const stream = new EventStream(timers, config, surroundings.emit, roster?.told);
  const coordinates = new CoordinateClient(self, random);
  const clock = clocks.member;
  const { noteChange } = surroundings;
  const membership = new Membership(self, config, {
    timers,
    log,
    clock,
    counters,
    noteIntent: noteChange,
    emit: (now, kind, member) => {
      noteChange();
      if (member.name !== self) reclaim.meetOther(now);
      if (kind === "member-reap") coordinates.forget(member.name);
      recorder?.member(kind, member);
      stream.member(now, kind, member);
    },
    roster,
  });
  const { noteBroadcast } = surroundings;
  const population = (): number =>
    copiedTo({ known: membership.size, here: surroundings.aliveCount() }, config);
  const broadcasts = new Broadcasts(config, log, counters, meter, population, noteBroadcast);
  const announcements = new Announcements({
    self,
    log,
    clock,
    membership,
    broadcasts,
    timers,
    recoveredClock: snapshot?.clock ?? 0,
    staying,
    sendUser,
  });
  const userEvents = new UserEvents(
    config,
    { log, counters, clock: clocks.event },
    (now, event) => {
      recorder?.userEvent(event.ltime);
      meter.count(`serf.events.${event.name}`);
      stream.user(now, event);
    },
  );
  const replies = new QueryReplies({ config, log, random, counters, membership, sendUser });
  const inbox = new QueryInbox({
    config,
    log,
    counters,
    meter,
    clock: clocks.query,
    membership,
    filters: new QueryFilters(self, tags, log),
    replies,
    accepted: (ltime) => recorder?.query(ltime),
    keys: new KeyAnswers({ keyring: config.keyring, log, save: surroundings.saveKeyring }),
    conflictLook: new ConflictLook({
      self,
      membership,
      inquires: config.inquires !== false,
      patience: config.timing.gossipInterval,
      ask: surroundings.ask,
      exchange: surroundings.exchange,
    }),
    deliver: (query) => stream.query(query),
  });
  const queries = new Queries({
    config,
    timers,
    log,
    random,
    counters,
    clock: clocks.query,
    aliveCount: surroundings.aliveCount,
    handle: (now, query) => inbox.handle(now, query),
    broadcast: (encoded) => broadcasts.add("query", encoded),
  });
  if (snapshot !== undefined) {
    clocks.member.witness(snapshot.clock);
    clocks.event.witness(snapshot.eventClock);
    clocks.query.witness(snapshot.queryClock);
    userEvents.ignoreBefore(successor(snapshot.eventClock));
    inbox.ignoreBefore(successor(snapshot.queryClock));
  }
  if (roster !== undefined) clocks.member.witness(roster.time);
  const keys = new Keys({ queries, log, aliveCount: surroundings.aliveCount });
  const { aliveCount, ownName, stop } = surroundings;
  const poll = new NamePoll({ self, log, queries });
  const contest = new NameContest({
    config,
    timers,
    log,
    counters,
    poll,
    ownName,
    exchange: surroundings.exchange,
    staying,
    stop,
  });
  const release = new Release({ timing: config.timing, timers, log, ownName });
  const reclaim = new Reclaim({
    config,
    timers,
    log,
    poll,
    contest,
    release,
    ownName,
    staying,
    aliveCount,
  });
  const delegate = new SwimDelegate({
    log,
    counters,
    meter,
    membership,
    announcements,
    broadcasts,
    userEvents,
    inbox,
    queries,
    replies,
    userState: new UserState({
      self,
      clocks,
      membership,
      announcements,
      userEvents,
      held: surroundings.held,
    }),
    coordinates: config.coordinates ? coordinates : undefined,
    conflicts: new NameConflicts(log),
    reclaim,
    meta: () => encodeOwnTags(tags(), config.delegateVersion),
    ignoresOld: surroundings.ignoresOld,
  });
  return {
    clocks,
    stream,
    coordinates,
    membership,
    broadcasts,
    announcements,
    userEvents,
    inbox,
    queries,
    recorder,
    keys,
    delegate,
  };
}
