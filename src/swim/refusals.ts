import { type Address, isFrom } from "../base/address.js";
import type { Instant, Millis } from "../base/units.js";
import type { Dead, Suspect } from "../wire/swim-messages.js";
import type { Claims } from "./claims.js";
import { isConclusive } from "./evidence.js";
import type { MemberRecord } from "./members.js";
import type { Parts } from "./parts.js";
import type { Sender } from "./sender.js";
import type { Streams } from "./streams.js";
import type { Suspicion } from "./suspicion.js";

/** Suspects that are looked at, or were and may be again; beyond, others are left to Lifeguard. */
const maxCases = 64;

/** Of these, so many are looked at at one time: each look is a connection. */
const maxLooks = 16;

/** Rounds in which a suspect is looked at without a new accusation in between. */
const maxRounds = 10;

/** Members that are told of our verdict at once, besides those that gossip tells. */
const maxAnnounced = 8;

/** A suspect that we look at. */
interface Case {
  readonly suspect: MemberRecord;
  readonly address: Address;
  /** The case is over when this is. */
  readonly suspicion: Suspicion;
  /** True once we accuse it ourselves. */
  accused: boolean;
  /** As in {@link Evidence}. */
  rounds: number;
  /** Rounds since the last accusation by anybody else. */
  roundsInVain: number;
  looking: boolean;
}

/** What came of a connection. */
type Answer = "refusal" | "ack" | "none";

/**
 * Weighs evidence against suspects. To Lifeguard all silence is the same, and it has much patience with
 * it, rightly: a stopped, overloaded or cut off process is silent. But of a process that was killed the
 * host is left, which answers connections with a refusal at once, while the kernel of a process that is
 * only stopped takes them. Serf does not use that, and its members need 5 to 9 s to see a kill.
 *
 * - A member whose ping was not answered in time and which refused two connections of the prober, half
 *   a timeout apart, is accused at once, and some others are told at once: an ordinary suspect claim.
 * - Who hears of a suspicion from an accuser itself, or by chance when from anybody, looks for itself:
 *   a ping that tells the suspect, so that it can refute, and a connection. If that is refused, and the
 *   ping not answered, it accuses as well: an ordinary confirmation. So a handful looks, in a group of
 *   any size, and each once, after a random wait.
 * - An accuser that was refused looks on, round by round, and declares the suspect dead as soon as
 *   {@link isConclusive} says so. All others, and all memberlists, simply hear that dead claim.
 *
 * Whatever else a connection comes to (a timeout, a reset, "unreachable") is silence. Any answer of the
 * suspect clears it with us: Lifeguard goes on. And a member that answers pings but refuses connections,
 * as behind a firewall that rejects TCP, has refusals that mean nothing: we remember that of it.
 */
export class Refusals {
  readonly #parts: Parts;
  readonly #claims: Claims;
  readonly #sender: Sender;
  readonly #streams: Streams;
  /** By name; at most {@link maxCases}. */
  readonly #cases = new Map<string, Case>();
  /** Suspicions of which we have decided once whether to look. */
  readonly #considered = new WeakSet<Suspicion>();
  /** Where members refused connections that were there; until a connection comes to be. */
  readonly #deaf = new WeakMap<MemberRecord, Address>();
  #looks = 0;

  constructor(parts: Parts, claims: Claims, sender: Sender, streams: Streams) {
    this.#parts = parts;
    this.#claims = claims;
    this.#sender = sender;
    this.#streams = streams;
  }

  /** False: refusals are not looked at, as with memberlist. */
  get enabled(): boolean {
    return this.#parts.config.refusals === true;
  }

  /** True if refusals of this member mean anything. */
  isMeaningful(member: MemberRecord): boolean {
    return this.enabled && this.#deaf.get(member) !== member.address;
  }

  /** A probe of ours was refused twice, and its ping not answered in time. */
  accuse(now: Instant, suspect: MemberRecord, incarnation: number): void {
    const { host } = this.#parts;
    const { name } = suspect;
    const known = this.#caseOf(suspect);
    if (known?.accused === true) {
      this.#look(now, known);
      return;
    }
    host.log.info({ member: name }, `Suspect ${name} has failed, connection refused`);
    const claim = this.#accusationOf(name, incarnation);
    this.#claims.handleSuspect(now, claim);
    const { suspicion } = suspect;
    if (suspicion === undefined) return;
    const opened = known ?? this.#open(suspect, suspicion);
    if (opened === undefined) return;
    opened.accused = true;
    // Told at once: gossip alone would take them a few hundred milliseconds.
    const asked = 2 * this.#hoped + 1;
    this.#tell(claim, this.#pickWitnesses(asked, suspect));
    this.#look(now, opened);
  }

  /** A suspicion that came from `from`, after it was believed or not. */
  handleSuspicion(now: Instant, claim: Suspect, from: Address): void {
    if (!this.enabled) return;
    const { host, local, members } = this.#parts;
    const suspect = members.get(claim.node);
    if (suspect?.suspicion === undefined || suspect === local) return;
    const { suspicion } = suspect;
    const known = this.#caseOf(suspect);
    if (known !== undefined) {
      // A new voice, perhaps the one that was missing: but our own evidence must not be old.
      known.roundsInVain = 0;
      if (known.accused && !known.looking) this.#look(now, known);
      return;
    }
    if (!this.isMeaningful(suspect)) return;
    const accuser = members.get(claim.from);
    const firstHand = accuser !== undefined && isFrom(accuser.address, from);
    if (!firstHand) {
      if (this.#considered.has(suspicion)) return;
      this.#considered.add(suspicion);
      const handful = 2 * this.#hoped + 1;
      if (host.random.next() * members.here >= handful) return;
    }
    const opened = this.#open(suspect, suspicion);
    if (opened === undefined) return;
    opened.looking = true;
    // Not all at once: the suspect's host has to answer them.
    const wait = (host.random.next() * this.#roundTime) / 2;
    host.timers.at(now + wait, (then) => {
      opened.looking = false;
      this.#look(then, opened);
    });
  }

  /**
   * A member that refused a connection answered a ping after all. If it was only restarted, it takes
   * connections now; if not, it never does.
   */
  handleAnswer(now: Instant, member: MemberRecord): void {
    if (!this.isMeaningful(member)) return;
    const known = this.#caseOf(member);
    if (known !== undefined) acquit(known);
    const { address } = member;
    this.#dial(now, member, (_then, answer) => {
      if (answer === "refusal" && member.address === address) this.#deaf.set(member, address);
    });
  }

  /** A connection to the member came to be. */
  handleContact(member: MemberRecord): void {
    this.#deaf.delete(member);
  }

  get #hoped(): number {
    return Math.max(1, this.#parts.config.timing.suspicionMult - 2);
  }

  get #roundTime(): Millis {
    return this.#parts.config.timing.probeTimeout / 2;
  }

  /** Undefined as well if the case was about an earlier suspicion. */
  #caseOf(suspect: MemberRecord): Case | undefined {
    const known = this.#cases.get(suspect.name);
    if (known === undefined || isOpen(known)) return known;
    this.#cases.delete(suspect.name);
    return undefined;
  }

  #open(suspect: MemberRecord, suspicion: Suspicion): Case | undefined {
    if (this.#cases.size >= maxCases) {
      for (const [name, one] of this.#cases) {
        if (!isOpen(one) || !(one.accused || one.looking)) this.#cases.delete(name);
      }
      if (this.#cases.size >= maxCases) return undefined;
    }
    const opened: Case = {
      suspect,
      address: suspect.address,
      suspicion,
      accused: false,
      rounds: 0,
      roundsInVain: 0,
      looking: false,
    };
    this.#cases.set(suspect.name, opened);
    return opened;
  }

  /**
   * One round: two pings that tell the suspect that it is one; then, when there was time to answer
   * them, a connection, so that a refusal is never older than what follows from it.
   */
  #look(now: Instant, open: Case): void {
    if (!isOpen(open) || open.looking || this.#looks >= maxLooks) return;
    const { acks, host } = this.#parts;
    const { suspect } = open;
    open.looking = true;
    this.#looks += 1;
    let acked = false;
    const seq = acks.expect({
      handleAck: () => {
        acked = true;
      },
    });
    const ping = (): void => {
      if (acked || !isOpen(open)) return;
      const { incarnation, name } = suspect;
      this.#sender.sendTogether(suspect, [
        this.#sender.ping(seq, name),
        this.#accusationOf(name, incarnation),
      ]);
    };
    const end = (then: Instant, answer: Answer): void => {
      acks.forget(seq);
      open.looking = false;
      this.#looks -= 1;
      this.#conclude(then, open, acked, answer);
    };
    const round = this.#roundTime;
    ping();
    host.timers.at(now + round / 4, ping);
    host.timers.at(now + round / 2, (then) => {
      if (isOpen(open)) this.#dial(then, suspect, end);
      else end(then, "none");
    });
  }

  /** Connects and asks by name; waits half a round. */
  #dial(
    now: Instant,
    { address, name }: MemberRecord,
    done: (now: Instant, answer: Answer) => void,
  ): void {
    const ping = this.#sender.ping(0, name);
    this.#streams.dial(address, ping, now + this.#roundTime / 2, (then, outcome) => {
      if (outcome.kind === "answer") {
        done(then, outcome.message.kind === "ack" ? "ack" : "none");
        return;
      }
      if (outcome.refused === true) this.#parts.counters.refusalsSeen += 1;
      done(then, outcome.refused === true ? "refusal" : "none");
    });
  }

  #conclude(now: Instant, open: Case, acked: boolean, answer: Answer): void {
    if (!isOpen(open)) return;
    const { suspect } = open;
    if (answer === "ack") this.#deaf.delete(suspect);
    if (acked && answer === "refusal") this.#deaf.set(suspect, suspect.address);
    if (acked || answer === "ack") {
      acquit(open);
      return;
    }
    if (answer === "none") {
      // Of a member that never refused, silence is all there is to know.
      if (open.accused) this.#again(now, open);
      return;
    }
    if (!open.accused) {
      open.accused = true;
      this.#confirm(now, open);
    } else {
      open.rounds += 1;
      const { members } = this.#parts;
      const accusers = open.suspicion.accusersBesides(this.#parts.local.name);
      const witnesses = { hoped: this.#hoped, available: members.here - 2 };
      if (isConclusive({ rounds: open.rounds, accusers }, witnesses)) {
        this.#claims.convict(now, suspect, open.suspicion);
        this.#announce(suspect);
        return;
      }
    }
    this.#again(now, open);
  }

  #again(now: Instant, open: Case): void {
    open.roundsInVain += 1;
    if (open.roundsInVain >= maxRounds) return;
    this.#parts.host.timers.at(now + this.#roundTime / 2, (then) => this.#look(then, open));
  }

  /** Accuses, and tells those who do so already at once: they may wait for it. */
  #confirm(now: Instant, { suspect, suspicion }: Case): void {
    const { host, local, members } = this.#parts;
    const { incarnation, name } = suspect;
    host.log.debug({ member: name }, "suspect refuses connections");
    const claim = this.#accusationOf(name, incarnation);
    this.#claims.handleSuspect(now, claim);
    const accusers = [...suspicion.accusers].map((accuser) => members.get(accuser));
    const listeners = new Set(
      accusers.filter((member) => member !== undefined && member !== local && member !== suspect),
    );
    for (const member of this.#pickWitnesses(this.#hoped, suspect)) listeners.add(member);
    this.#tell(claim, listeners);
  }

  /**
   * When many timers run out, many say so at about the same time; here it is one member. In a group of
   * less than ten a claim has so few copies that somebody might get none, and keep its own patience:
   * such a group is told directly.
   */
  #announce(suspect: MemberRecord): void {
    const { incarnation, name: node } = suspect;
    const claim: Dead = { kind: "dead", node, incarnation, from: this.#parts.local.name };
    this.#tell(claim, this.#pickWitnesses(maxAnnounced, suspect));
  }

  #accusationOf(node: string, incarnation: number): Suspect {
    return { kind: "suspect", node, incarnation, from: this.#parts.local.name };
  }

  /** Up to `count` members by chance that are neither us nor the suspect. */
  #pickWitnesses(count: number, suspect: MemberRecord): readonly Readonly<MemberRecord>[] {
    const { local, members } = this.#parts;
    const isWitness = (member: MemberRecord): boolean =>
      member.state === "alive" && member !== local && member !== suspect;
    return members.pick(count, isWitness);
  }

  #tell(claim: Suspect | Dead, listeners: Iterable<MemberRecord | undefined>): void {
    for (const member of listeners) {
      if (member !== undefined) this.#sender.sendTogether(member, [claim]);
    }
  }
}

/** False once the suspicion is over, however that came, or the member is elsewhere. */
function isOpen({ address, suspect, suspicion }: Case): boolean {
  return suspect.suspicion === suspicion && suspect.address === address;
}

/** Whatever we found before, it was there meanwhile. */
function acquit(open: Case): void {
  open.accused = false;
  open.rounds = 0;
}
