import { type Address, formatAddress } from "../base/address.js";
import type { Instant, Millis } from "../base/units.js";
import type {
  MemberState,
  PushPull as PushPullMessage,
  SentStreamMessage,
} from "../wire/swim-messages.js";
import type { Claims } from "./claims.js";
import { wholeThoroughness } from "./config.js";
import { isGone, stateOf } from "./member.js";
import type { Parts } from "./parts.js";
import { pushPullInterval } from "./scaling.js";
import type { Outcome, Streams } from "./streams.js";
import type { Surge } from "./surge.js";
import { findIncompatible, speakAlike, type Versioned } from "./versions.js";

/** How an exchange ended; `failure` is undefined if both sides know the same now. */
export type ExchangeDone = (now: Instant, failure: string | undefined) => void;

/**
 * Two members tell each other all they know, over a stream: a newcomer and one it joins, and now and
 * then any two. What gossip lost is found here.
 */
export class PushPull {
  readonly #parts: Parts;
  readonly #claims: Claims;
  readonly #streams: Streams;
  readonly #surge: Surge | undefined;
  #heldUntil: Instant = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts, claims: Claims, streams: Streams, surge: Surge | undefined) {
    this.#parts = parts;
    this.#surge = surge;
    this.#claims = claims;
    this.#streams = streams;
  }

  /**
   * The first exchange comes within an interval: that of a small group, for who starts is alone. memberlist
   * waits for another, scaled one before it; but the sooner a newcomer hears what others hold of it from
   * before, the sooner it can refute that.
   */
  start(now: Instant): void {
    const { config, host, members } = this.#parts;
    const interval = pushPullInterval(config.timing.pushPullInterval, members.known);
    const delay = host.random.next() * interval;
    const first = (then: Instant): void => {
      const { earlyExchange } = config.thoroughness ?? wholeThoroughness;
      if (earlyExchange) this.#exchangeInTurn(then);
      else this.#waitForTurn(then);
    };
    host.sendTimers.at(now + delay, first);
  }

  /** Whoever's turn comes before `until` has it then, and who asks before hears nothing of ourselves. */
  holdUntil(until: Instant): void {
    this.#heldUntil = until;
  }

  /** Begins an exchange; `join` says that we want to become one group with the other side's. */
  exchange(now: Instant, to: Address, join: boolean, done: ExchangeDone): void {
    const { config, counters, host, meter } = this.#parts;
    host.log.debug({ join }, `Initiating push/pull sync with: ${formatAddress(to)}`);
    counters.pushPulls += 1;
    const deadline = now + config.timing.streamTimeout;
    this.#streams.dial(to, this.#localState(now, join), deadline, (then, outcome) => {
      const failure = this.#conclude(then, to, join, outcome);
      if (failure !== undefined) counters.pushPullsFailed += 1;
      if (!join) meter.sample("memberlist.pushPullNode", then - now);
      done(then, failure);
    });
  }

  /** Begins an exchange with anybody who is there. */
  exchangeWithSomebody(now: Instant): void {
    const { host, local, members } = this.#parts;
    if (now < this.#heldUntil) return;
    const [peer] = members.pick(1, (member) => member.state === "alive" && member !== local);
    if (peer === undefined) return;
    this.exchange(now, peer.address, false, (_then, failure) => {
      if (failure === undefined) return;
      host.log.warn({ member: peer.name }, `Push/Pull with ${peer.name} failed: ${failure}`);
    });
  }

  /** Answers an exchange that `from` began. */
  answer(
    now: Instant,
    from: Address,
    request: PushPullMessage,
    reply: (message: SentStreamMessage) => void,
  ): void {
    const { counters, host } = this.#parts;
    counters.pushPulls += 1;
    // Before merging: the newcomer must not be told of itself as if we had known it.
    reply(this.#localState(now, request.join));
    const failure = this.#merge(now, from, request, false);
    if (failure === undefined) return;
    counters.pushPullsFailed += 1;
    host.log.warn({ from: formatAddress(from) }, `Failed push/pull merge: ${failure}`);
  }

  #exchangeInTurn(now: Instant): void {
    const { host } = this.#parts;
    if (now < this.#heldUntil) {
      host.sendTimers.at(this.#heldUntil, (then) => this.#exchangeInTurn(then));
      return;
    }
    this.#waitForTurn(now);
    this.exchangeWithSomebody(now);
  }

  #waitForTurn(now: Instant): void {
    const { config, host, members } = this.#parts;
    const wait: Millis = pushPullInterval(config.timing.pushPullInterval, members.known);
    host.sendTimers.at(now + wait, (then) => this.#exchangeInTurn(then));
  }

  #conclude(now: Instant, peer: Address, join: boolean, outcome: Outcome): string | undefined {
    if (outcome.kind === "failure") return outcome.reason;
    const { message } = outcome;
    if (message.kind === "push-pull") return this.#merge(now, peer, { ...message, join }, join);
    return `received a message of kind ${message.kind}, expected push-pull`;
  }

  /** Undefined if the members were merged, else why not. */
  #merge(now: Instant, peer: Address, remote: PushPullMessage, ours: boolean): string | undefined {
    const { counters, delegate, faults, members } = this.#parts;
    const failure = speakAlike(members.commonVersions, remote.members)
      ? undefined
      : findIncompatible([...members.all()], remote.members.map(versioned));
    if (failure !== undefined) return failure;
    const source = ours ? "join" : "exchange";
    const believed = counters.aliveClaims;
    for (const state of remote.members) this.#claims.handleState(now, state, source);
    const theirs = remote.members.reduce((count, state) => count + (isGone(state) ? 0 : 1), 0);
    const differed = counters.aliveClaims !== believed || theirs !== members.here;
    // That a newcomer knew nobody is no sign of others being missed.
    this.#surge?.noteExchange(differed && !remote.join);
    if (remote.userState.length === 0) return undefined;
    try {
      delegate.mergeRemoteState(now, remote.userState, remote.join, ours);
    } catch (thrown) {
      // The groups are one all the same, and Serf counts the exchange as a success.
      faults.note(peer, thrown);
    }
    return undefined;
  }

  /** Everyone we know, whatever their state, and what the layer above adds. */
  #localState(now: Instant, join: boolean): SentStreamMessage {
    const { delegate, local, members } = this.#parts;
    const held = now < this.#heldUntil;
    const encoded = held ? undefined : members.states?.encoded();
    if (encoded !== undefined) {
      const userState = delegate.localState(now, join);
      return {
        kind: "encoded-push-pull",
        join,
        members: members.known,
        states: encoded,
        userState,
      };
    }
    const told: MemberState[] = [];
    for (const member of members.all()) {
      if (!held || member !== local) told.push(stateOf(member));
    }
    return {
      kind: "push-pull",
      join,
      members: told,
      userState: delegate.localState(now, join),
    };
  }
}

function versioned({ node, state, versions }: MemberState): Versioned {
  return { name: node, state, versions };
}
