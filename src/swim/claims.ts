import { formatAddress, sameAddress, sameBytes } from "../base/address.js";
import type { Bytes, Instant } from "../base/units.js";
import type { Alive, Dead, MemberState, Suspect } from "../wire/swim-messages.js";
import type { Asking } from "./asking.js";
import { wholeLifeguard } from "./config.js";
import { Conflicts } from "./conflicts.js";
import { Inquiries } from "./inquiries.js";
import type { LocalMember } from "./local-member.js";
import { isGone } from "./member.js";
import type { MemberRecord } from "./members.js";
import { nodeNameFault } from "./node-name.js";
import type { Gone } from "./observation.js";
import type { Parts } from "./parts.js";
import {
  departureOf,
  isSound,
  judgeAlive,
  judgeDead,
  judgeSuspect,
  type Knowledge,
} from "./precedence.js";
import type { ClaimSource, Rival } from "./rival.js";
import { minSuspicion } from "./scaling.js";
import type { Sender } from "./sender.js";
import type { Surge } from "./surge.js";
import { Suspicion, type SuspicionBounds } from "./suspicion.js";

/** Where a suspicion comes from. */
interface SuspicionSource {
  /** As in {@link Suspicion}. */
  readonly unheard: boolean;
  /** As in `Suspected`, which the host observes. */
  readonly exchanged: boolean;
}

/**
 * Believes, passes on or refutes what is claimed about members. The rules are in precedence.ts; here
 * is what follows from them.
 */
export class Claims {
  readonly #parts: Parts;
  readonly #sender: Sender;
  readonly #self: LocalMember;
  readonly #conflicts = new Conflicts();
  readonly #inquiries: Inquiries;
  readonly #surge: Surge | undefined;

  constructor(
    parts: Parts,
    sender: Sender,
    self: LocalMember,
    asking: Asking,
    surge: Surge | undefined,
  ) {
    this.#parts = parts;
    this.#sender = sender;
    this.#self = self;
    this.#surge = surge;
    this.#inquiries = new Inquiries(parts, asking, {
      handleMove: (now, known, claim) => this.#believeAlive(now, known, claim, false),
      handleConflict: (now, known, claim) => this.#reportConflict(now, known, claim),
      reconsider: (now, claim) => this.#weigh(now, claim),
    });
  }

  /** Members that are inquired for. */
  get inquiries(): number {
    return this.#inquiries.size;
  }

  /** Tells the group that we leave on purpose; `finished` as in {@link Sender.spread}. */
  leave(now: Instant, finished: () => void): void {
    const { incarnation, name: node } = this.#parts.local;
    this.#self.leaving = true;
    this.#weighDead(now, { kind: "dead", node, incarnation, from: node }, "told", finished);
  }

  /** One member as somebody else's push/pull describes it. */
  handleState(now: Instant, state: MemberState, source: ClaimSource): void {
    const { incarnation, node } = state;
    // What a suspicion or a departure is about, gossip does not say; here we are told that it is not us.
    if (this.#isRival(state)) {
      this.#meetRival(now, { ...state, source });
      if (state.state !== "left") return;
    }
    switch (state.state) {
      case "alive":
        this.handleAlive(now, { ...state, kind: "alive" });
        return;
      case "left":
        this.handleDead(now, { kind: "dead", node, incarnation, from: node });
        return;
      // Not dead at once: the member gets the time to refute that gossip would have given it.
      case "dead":
      case "suspect": {
        const from = this.#parts.local.name;
        const claim: Suspect = { kind: "suspect", node, incarnation, from };
        this.#weighSuspect(now, claim, { unheard: false, exchanged: true });
        return;
      }
    }
  }

  handleAlive(now: Instant, received: Alive): void {
    const { config, members } = this.#parts;
    const held = members.get(received.node);
    // Of a member that is here it says nothing new then, whatever its incarnation is by now.
    if (held?.believed === received && !isGone(held)) return;
    const claim = received.port === 0 ? { ...received, port: config.bindPort } : received;
    if (!isSound(claim)) {
      this.#refuse(claim, "alive claim is unsound");
      return;
    }
    if (config.validateNames === true && nodeNameFault(claim.node) !== undefined) {
      this.#refuse(claim, "member name is not valid");
      return;
    }
    this.#weigh(now, claim);
  }

  /** `unheard` as in {@link Suspicion}. */
  handleSuspect(now: Instant, claim: Suspect, unheard = false): void {
    this.#weighSuspect(now, claim, { unheard, exchanged: false });
  }

  handleDead(now: Instant, claim: Dead): void {
    this.#weighDead(now, claim, "told");
  }

  /** Somebody is heard: whom we suspect only since we heard nobody, we suspect no longer. */
  handleSound(now: Instant): void {
    const { host, isolation, members } = this.#parts;
    for (const name of isolation.end(now)) {
      const held = members.get(name);
      if (held?.suspicion?.unheard !== true) continue;
      const known = members.own(held);
      const after = now - known.changedAt;
      known.suspicion = undefined;
      members.setState(known, "alive", now);
      host.log.debug({ member: name }, "member is suspected no longer, we heard nobody at all");
      const { incarnation } = known;
      host.observe?.({ kind: "cleared", node: name, why: "we were cut off", incarnation, after });
    }
  }

  /** Ends a suspicion before its time, on better evidence than silence (see {@link Refusals}). */
  convict(now: Instant, known: MemberRecord, suspicion: Suspicion): void {
    if (known.suspicion !== suspicion) return;
    const { counters, host, local } = this.#parts;
    const { incarnation, name: node } = known;
    const { confirmations } = suspicion;
    counters.suspicionsShortened += 1;
    host.log.info(
      { member: node, confirmations },
      `Marking ${node} as failed, connection refused (${confirmations} peer confirmations)`,
    );
    this.#weighDead(now, { kind: "dead", node, incarnation, from: local.name }, "refused");
  }

  #weighSuspect(now: Instant, claim: Suspect, source: SuspicionSource): void {
    const { host, local } = this.#parts;
    const { from, incarnation } = claim;
    const knowledge = this.#knowledgeOf(now, claim.node);
    const { known } = knowledge;
    if (known === undefined) return;
    switch (judgeSuspect(claim, knowledge)) {
      case "ignore":
        return;
      case "accept":
        this.#believeSuspect(now, known, claim, source);
        return;
      case "confirm":
        this.#confirm(now, known, claim);
        return;
      case "refute": {
        host.log.warn({ from, incarnation }, `Refuting a suspect message (from: ${from})`);
        const { exchanged } = source;
        const accusation = { node: local.name, by: from, of: "suspect", incarnation } as const;
        host.observe?.({ kind: "accused", ...accusation, ...(exchanged && { exchanged }) });
        this.#self.refute(incarnation);
        return;
      }
    }
  }

  /** `finished` as in {@link Sender.spread}, if the claim is believed. */
  #weighDead(now: Instant, claim: Dead, why: Gone["why"], finished?: () => void): void {
    const { host, local } = this.#parts;
    const { from, incarnation } = claim;
    const knowledge = this.#knowledgeOf(now, claim.node);
    const { known } = knowledge;
    if (known === undefined) return;
    switch (judgeDead(claim, knowledge)) {
      case "ignore":
        return;
      case "accept":
        this.#believeDead(now, known, claim, why, finished);
        return;
      case "refute":
        host.log.warn({ from, incarnation }, `Refuting a dead message (from: ${from})`);
        host.observe?.({ kind: "accused", node: local.name, by: from, of: "dead", incarnation });
        this.#self.refute(incarnation);
        return;
    }
  }

  #weigh(now: Instant, claim: Alive): void {
    const { config, host, members } = this.#parts;
    const knowledge = this.#knowledgeOf(now, claim.node);
    const { known } = knowledge;
    switch (judgeAlive(claim, knowledge)) {
      case "ignore":
        return;
      case "introduce":
        if (members.full) this.#refuse(claim, "member table is full");
        else {
          this.#surge?.noteArrival(now);
          this.#believeAlive(now, this.#add(now, claim), claim, true);
        }
        return;
      case "accept":
        if (known !== undefined) this.#believeAlive(now, known, claim, false);
        return;
      case "inquire":
        if (known === undefined || config.inquires === false) return;
        this.#inquiries.inquire(now, known, claim);
        return;
      case "rival":
        this.#meetRival(now, { ...claim, state: "alive", source: "gossip" });
        return;
      case "refute":
        host.log.warn(
          { incarnation: claim.incarnation },
          `Refuting an alive message for '${claim.node}' (${formatAddress(claim)})`,
        );
        this.#self.refute(claim.incarnation);
        return;
    }
  }

  #isRival(state: MemberState): boolean {
    const { local } = this.#parts;
    if (state.node !== local.name || this.#self.leaving) return false;
    return isSound({ ...state, kind: "alive" }) && !sameAddress(local.address, state);
  }

  #meetRival(now: Instant, claim: Omit<MemberState, "node"> & Pick<Rival, "source">): void {
    const { incarnation, ip, meta = nothing, port, source, state, versions } = claim;
    const address = { ip, port };
    this.#self.contested = true;
    const rival: Rival = { address, incarnation, meta, versions, state, source };
    this.#parts.delegate.handleRival(now, rival);
  }

  #knowledgeOf(
    now: Instant,
    name: string,
  ): Knowledge & { readonly known: Readonly<MemberRecord> | undefined } {
    const { config, local, members } = this.#parts;
    const known = members.get(name);
    const gone = known !== undefined && isGone(known);
    return {
      known,
      local: name === local.name,
      leaving: this.#self.leaving,
      lapsed: gone && now - known.changedAt > config.timing.gossipToTheDeadTime,
    };
  }

  #refuse(claim: Alive, why: string): void {
    this.#parts.counters.claimsRefused += 1;
    this.#parts.host.log.debug({ member: claim.node }, why);
  }

  #reportConflict(now: Instant, known: Readonly<MemberRecord>, claim: Alive): void {
    const { counters, delegate, host } = this.#parts;
    counters.conflicts += 1;
    if (!this.#conflicts.isNews(now, known, claim)) return;
    const mine = formatAddress(known.address);
    const theirs = formatAddress(claim);
    host.observe?.({ kind: "contested", node: known.name, held: mine, claimed: theirs });
    host.log.error(
      { member: known.name, mine, theirs },
      `Conflicting address for ${known.name}. Mine: ${mine} Theirs: ${theirs} Old state: ${known.state}`,
    );
    delegate.handleConflict(now, known, { ip: claim.ip, port: claim.port });
  }

  /** Dead as long as it was unknown, so that the claim makes it join. */
  #add(now: Instant, claim: Alive): MemberRecord {
    const record: MemberRecord = {
      name: claim.node,
      address: { ip: claim.ip, port: claim.port },
      meta: claim.meta ?? nothing,
      versions: this.#keepVersions(claim.versions, this.#parts.local.versions),
      incarnation: 0,
      state: "dead",
      changedAt: now,
      suspicion: undefined,
      believed: undefined,
    };
    this.#parts.members.add(record);
    return record;
  }

  #believeAlive(
    now: Instant,
    held: Readonly<MemberRecord>,
    claim: Alive,
    introduced: boolean,
  ): void {
    const { counters, delegate, host, members, neighbours } = this.#parts;
    const known = members.own(held);
    const { incarnation, meta = nothing } = claim;
    counters.aliveClaims += 1;
    const joined = isGone(known);
    const refuted = known.state === "suspect";
    const updated = !sameBytes(known.meta, meta);
    const moved = !sameAddress(known.address, claim);
    this.#sender.spread(claim, claim.node);
    if (host.observe !== undefined) this.#observeAlive(now, known, claim, introduced);
    if (moved) {
      const [before, after] = [known.address, claim].map(formatAddress);
      host.log.info({ incarnation }, `Member ${known.name} moved from ${before} to ${after}`);
      known.address = { ip: claim.ip, port: claim.port };
    }
    if (updated) known.meta = meta;
    members.setVersions(known, this.#keepVersions(claim.versions, known.versions));
    known.incarnation = incarnation;
    known.suspicion = undefined;
    known.believed = claim;
    members.setState(known, "alive", now);
    host.log.debug({ member: known.name, incarnation }, "member is alive");
    if (joined || moved) neighbours.arrive(known);
    if (joined) delegate.handleJoin(now, known);
    else if (updated || moved) delegate.handleUpdate(now, known);
    if (refuted) host.noteSuspicion?.();
  }

  /** Before the claim is taken over. */
  #observeAlive(now: Instant, known: MemberRecord, claim: Alive, introduced: boolean): void {
    const { host } = this.#parts;
    const { address, changedAt, name: node, state } = known;
    const { incarnation } = claim;
    if (state === "suspect") {
      host.observe?.({
        kind: "cleared",
        node,
        why: "refuted",
        incarnation,
        after: now - changedAt,
      });
    }
    const to = formatAddress(claim);
    const from = sameAddress(address, claim) ? undefined : formatAddress(address);
    if (!isGone(known)) {
      if (from !== undefined) host.observe?.({ kind: "moved", node, from, to, incarnation });
      return;
    }
    const before = state === "left" ? "left" : "failed";
    host.observe?.({
      kind: "appeared",
      node,
      address: to,
      ...(!introduced && { before }),
      ...(from !== undefined && { from }),
      incarnation,
    });
  }

  #believeSuspect(
    now: Instant,
    held: Readonly<MemberRecord>,
    claim: Suspect,
    { exchanged, unheard }: SuspicionSource,
  ): void {
    const { counters, host, isolation, members } = this.#parts;
    const known = members.own(held);
    const { from, incarnation } = claim;
    counters.suspectClaims += 1;
    if (unheard) isolation.noteSuspect(known.name);
    else this.#sender.spread(claim, claim.node);
    known.incarnation = incarnation;
    members.setState(known, "suspect", now);
    host.log.debug({ member: known.name, incarnation, from }, "member is suspected");
    const observed = { node: known.name, by: from, incarnation, unheard };
    host.observe?.({ kind: "suspected", ...observed, ...(exchanged && { exchanged }) });
    const suspicion = new Suspicion(now, from, this.#suspicionBounds(), unheard);
    known.suspicion = suspicion;
    this.#expireAtDeadline(known, suspicion);
    if (!unheard) host.noteSuspicion?.();
  }

  #believeDead(
    now: Instant,
    held: Readonly<MemberRecord>,
    claim: Dead,
    why: Gone["why"],
    finished?: () => void,
  ): void {
    const { counters, delegate, host, members, neighbours } = this.#parts;
    const known = members.own(held);
    const { from, incarnation } = claim;
    counters.deadClaims += 1;
    this.#sender.spread(claim, claim.node, finished);
    const confirmations = known.suspicion?.agreeing ?? 0;
    const departure = departureOf(claim);
    known.incarnation = incarnation;
    known.suspicion = undefined;
    members.setState(known, departure, now);
    neighbours.depart(known);
    host.log.debug({ member: known.name, incarnation, from }, `member is ${known.state}`);
    const state = departure === "dead" ? "failed" : departure;
    const { name: node } = known;
    host.observe?.({ kind: "gone", node, state, by: from, why, incarnation, confirmations });
    delegate.handleLeave(now, known);
  }

  #confirm(now: Instant, known: Readonly<MemberRecord>, claim: Suspect): void {
    const { suspicion } = known;
    if (suspicion === undefined) return;
    const { host } = this.#parts;
    const before = suspicion.agreeing;
    const isNews = suspicion.confirm(claim.from);
    const { agreeing: confirmations } = suspicion;
    if (confirmations > before) {
      host.observe?.({ kind: "confirmed", node: known.name, by: claim.from, confirmations });
    }
    if (!isNews) return;
    this.#sender.spread(claim, claim.node);
    host.log.debug({ member: known.name, from: claim.from }, "suspicion is confirmed");
    if (suspicion.deadline <= now) this.#expire(now, known, suspicion);
    else this.#expireAtDeadline(known, suspicion);
  }

  /**
   * Confirmations are hoped for only if there are enough members besides us and the suspect; two fewer
   * than the multiplier, so that the shortest time is reached two probe intervals early.
   *
   * Members that are gone neither confirm nor need to hear of it. memberlist counts them until it has
   * forgotten them, after the grace time; we remember them for longer.
   */
  #suspicionBounds(): SuspicionBounds {
    const { config, members } = this.#parts;
    const { lifeguard = wholeLifeguard } = config;
    const { probeInterval, suspicionMaxTimeoutMult, suspicionMult } = config.timing;
    const min = minSuspicion(suspicionMult, members.here, probeInterval);
    if (!lifeguard.suspicion) return { min, max: min, expected: 0 };
    const hoped = suspicionMult - 2;
    const expected = members.here - 2 < hoped ? 0 : hoped;
    return { min, max: min * suspicionMaxTimeoutMult, expected };
  }

  /** One timer more with every confirmation; the one that comes first ends the suspicion. */
  #expireAtDeadline(known: Readonly<MemberRecord>, suspicion: Suspicion): void {
    this.#parts.host.timers.at(suspicion.deadline, (now) => this.#expire(now, known, suspicion));
  }

  /** True if it may be that the suspect has refuted and we do not hear it. */
  #awaitsNews(now: Instant, suspicion: Suspicion): boolean {
    const { config, isolation } = this.#parts;
    return now < suspicion.latest && isolation.since(now - 2 * config.timing.probeInterval);
  }

  #expire(now: Instant, known: Readonly<MemberRecord>, suspicion: Suspicion): void {
    if (known.suspicion !== suspicion || now < suspicion.deadline) return;
    if (this.#awaitsNews(now, suspicion)) {
      const next = Math.min(suspicion.latest, now + this.#parts.config.timing.probeInterval);
      this.#parts.host.timers.at(next, (then) => this.#expire(then, known, suspicion));
      return;
    }
    const { counters, host, local } = this.#parts;
    const { incarnation, name: node } = known;
    const { confirmations } = suspicion;
    if (suspicion.degraded) counters.suspicionsDegraded += 1;
    host.log.info(
      { member: node, confirmations },
      `Marking ${node} as failed, suspect timeout reached (${confirmations} peer confirmations)`,
    );
    this.#weighDead(now, { kind: "dead", node, incarnation, from: local.name }, "timeout");
  }

  /** Nearly all members have the same six bytes as we have: these are kept once. */
  #keepVersions(versions: Bytes, known: Bytes): Bytes {
    const { local } = this.#parts;
    if (sameBytes(versions, known)) return known;
    return sameBytes(versions, local.versions) ? local.versions : versions;
  }
}

const nothing: Bytes = new Uint8Array();
