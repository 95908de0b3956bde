import { type Address, formatAddress, isFrom } from "../base/address.js";
import type { Bytes, Instant, Millis } from "../base/units.js";
import type { Suspect } from "../wire/swim-messages.js";
import type { Claims } from "./claims.js";
import { wholeLifeguard } from "./config.js";
import type { SwimMember } from "./member.js";
import type { MemberRecord } from "./members.js";
import type { TroubledProbe } from "./observation.js";
import type { Parts } from "./parts.js";
import type { Refusals } from "./refusals.js";
import type { Sender } from "./sender.js";
import type { Dialled, Streams } from "./streams.js";
import { startTicker } from "./ticker.js";

/** What timers of a process that has time are never late by. */
const muchDelay: Millis = 20;

interface Probe {
  readonly seq: number;
  readonly target: Readonly<MemberRecord>;
  /** When we last knew better: a claim that comes meanwhile is not overridden by our verdict. */
  readonly incarnation: number;
  readonly sentAt: Instant;
  readonly deadline: Instant;
  /** True once the ack may come from a helper, or be that of a later ping. */
  indirect: boolean;
  /** Who was asked to ping it for us. */
  helpers: readonly Readonly<MemberRecord>[];
  expectedNacks: number;
  nacks: number;
  /** True if the target answered over TCP. */
  contacted: boolean;
  /** The last connection to it. */
  dialled: Dialled | undefined;
  /** True if that is over and brought no answer. */
  dialFailed: boolean;
  /** Connections that its host refused; at most two. */
  refusals: number;
  /** True once it is accused for these, before the probe is over. */
  accused: boolean;
  /** True once the host heard that it failed. */
  observed: boolean;
  /** True once a packet of the target came that does not answer this probe. */
  heard: boolean;
  /** The most that a timer of it came late. */
  delay: Millis;
}

/** The failure detector: a ping, then help from others, then a verdict (SWIM section 3.1). */
export class Prober {
  readonly #parts: Parts;
  readonly #claims: Claims;
  readonly #sender: Sender;
  readonly #streams: Streams;
  readonly #refusals: Refusals;
  #current: Probe | undefined;
  /** True if a turn came while the last probe was still open; the next one then begins at its end. */
  #behind = false;

  constructor(parts: Parts, claims: Claims, sender: Sender, streams: Streams, refusals: Refusals) {
    this.#parts = parts;
    this.#claims = claims;
    this.#sender = sender;
    this.#streams = streams;
    this.#refusals = refusals;
  }

  start(now: Instant): void {
    const { config, host } = this.#parts;
    startTicker(host, now, config.timing.probeInterval, (then) => {
      if (this.#current === undefined) this.#begin(then);
      else this.#behind = true;
    });
  }

  /** A packet came that could be read. */
  noteSound(from: Address): void {
    const probe = this.#current;
    if (probe === undefined || probe.heard) return;
    if (isFrom(probe.target.address, from)) probe.heard = true;
  }

  #begin(now: Instant): void {
    const { acks, awareness, config, counters, host, local, members } = this.#parts;
    const { gossipToTheDeadTime, probeInterval, probeTimeout } = config.timing;
    const target = members.nextToProbe(now, local, gossipToTheDeadTime);
    if (target === undefined) return;
    const interval = awareness.scale(probeInterval);
    counters.probes += 1;
    if (interval > probeInterval) counters.probesDegraded += 1;
    const seq = acks.expect({
      handleAck: (then, payload, from) => this.#handleAck(then, probe, payload, from),
      handleNack: () => {
        probe.nacks += 1;
      },
    });
    const probe: Probe = {
      seq,
      target,
      incarnation: target.incarnation,
      sentAt: now,
      deadline: now + interval,
      indirect: false,
      helpers: [],
      expectedNacks: 0,
      nacks: 0,
      contacted: false,
      dialled: undefined,
      dialFailed: false,
      refusals: 0,
      accused: false,
      observed: false,
      heard: false,
      delay: 0,
    };
    this.#current = probe;
    this.#ping(now, probe);
    // Nearly all are answered by then: one timer does for them.
    host.timers.at(now + probeTimeout / 2, (then) => this.#awaitLonger(then, probe));
  }

  /**
   * Half of the timeout is over. With refusals as evidence the fallback over TCP begins now, not after
   * the timeout: so a refusal can be had twice when that comes, at no cost to probes that are answered.
   */
  #awaitLonger(now: Instant, probe: Probe): void {
    if (this.#current !== probe) return;
    const { config, host } = this.#parts;
    noteDelay(probe, now, config.timing.probeTimeout / 2);
    if (this.#refusals.enabled) this.#pingOverTcp(now, probe);
    // Not stretched with the interval: waiting does not help a packet that was lost (Lifeguard).
    const timeout = probe.sentAt + config.timing.probeTimeout;
    host.sendTimers.at(timeout, (then) => this.#askOthers(then, probe));
    host.sendTimers.at(probe.deadline, (then) => this.#conclude(then, probe));
  }

  /** A suspect is told that it is one, so that it can refute at once (Lifeguard, Buddy System). */
  #ping(now: Instant, { seq, target }: Probe): void {
    const ping = this.#sender.ping(seq, target.name);
    const { lifeguard = wholeLifeguard } = this.#parts.config;
    if (target.state === "alive" || !lifeguard.buddy) this.#sender.send(now, target.address, ping);
    else this.#sender.sendTogether(target, [ping, this.#suspect(target, target.incarnation)]);
  }

  #handleAck(now: Instant, probe: Probe, payload: Bytes | undefined, from: Address): void {
    const { config, delegate, host } = this.#parts;
    const rtt = now - probe.sentAt;
    if (probe.refusals > 0) this.#refusals.handleAnswer(now, probe.target);
    if (!probe.indirect && rtt <= config.timing.probeTimeout) {
      host.observe?.({ kind: "acked", node: probe.target.name, rtt });
      delegate.handleRoundTrip(now, probe.target, rtt, payload);
    } else {
      const helped = probe.helpers.some(({ address }) => isFrom(address, from));
      this.#observe(now, probe, helped ? "helped" : "late");
    }
    this.#end(now, probe, -1);
  }

  #askOthers(now: Instant, probe: Probe): void {
    if (this.#current !== probe) return;
    const { config, host, local, members } = this.#parts;
    const { lifeguard = wholeLifeguard } = config;
    const { target } = probe;
    const ping = this.#sender.ping(probe.seq, target.name);
    noteDelay(probe, now, config.timing.probeTimeout);
    probe.indirect = true;
    host.log.debug({}, `Failed UDP ping: ${target.name} (timeout reached)`);
    const helpers = members.pick(
      config.timing.indirectChecks,
      (member) => member.state === "alive" && member !== local && member.name !== target.name,
    );
    probe.helpers = helpers;
    for (const helper of helpers) {
      const nack = lifeguard.probe && understands(helper, 4);
      if (nack) probe.expectedNacks += 1;
      this.#sender.send(now, helper.address, {
        ...ping,
        kind: "indirect-ping",
        targetIp: target.address.ip,
        targetPort: target.address.port,
        nack,
      });
    }
    if (probe.dialled === undefined) this.#pingOverTcp(now, probe);
  }

  /** Tells a member that is gone from a network that lets no UDP through. */
  #pingOverTcp(now: Instant, probe: Probe): void {
    if (this.#current !== probe || !understands(probe.target, 3)) return;
    const { host } = this.#parts;
    const { address, name } = probe.target;
    const ping = this.#sender.ping(probe.seq, name);
    probe.dialFailed = false;
    const deadline = Math.max(now, probe.deadline);
    probe.dialled = this.#streams.dial(address, ping, deadline, (then, outcome) => {
      if (outcome.kind === "answer") {
        const { message } = outcome;
        probe.contacted = message.kind === "ack" && message.seq === probe.seq;
        if (probe.contacted) this.#refusals.handleContact(probe.target);
      } else {
        probe.dialFailed = true;
        const fields = { to: formatAddress(address), reason: outcome.reason };
        host.log.debug(fields, `Failed fallback TCP ping: ${name}`);
        if (outcome.refused === true) this.#handleRefusal(then, probe);
      }
    });
  }

  /** After the first one, waits until the ping has timed out, too; a process may have been replaced. */
  #handleRefusal(now: Instant, probe: Probe): void {
    const { config, counters, host } = this.#parts;
    const { target } = probe;
    probe.refusals += 1;
    counters.refusalsSeen += 1;
    if (this.#current !== probe || !this.#refusals.isMeaningful(target)) return;
    if (probe.refusals === 1) {
      // Of a member behind a firewall that refuses connections, it may be only a ping that was lost.
      const { probeTimeout } = config.timing;
      this.#pingAgain(now, probe);
      host.timers.at(now + probeTimeout / 4, (then) => this.#pingAgain(then, probe));
      const again = Math.max(now, probe.sentAt + probeTimeout);
      host.timers.at(again, (then) => this.#pingOverTcp(then, probe));
      return;
    }
    probe.accused = true;
    this.#observe(now, probe, "lost");
    this.#refusals.accuse(now, target, probe.incarnation);
  }

  #pingAgain(now: Instant, probe: Probe): void {
    if (this.#current !== probe) return;
    probe.indirect = true;
    this.#ping(now, probe);
  }

  #conclude(now: Instant, probe: Probe): void {
    if (this.#current !== probe) return;
    const { counters, host, isolation } = this.#parts;
    const { target } = probe;
    const { name } = target;
    noteDelay(probe, now, probe.deadline - probe.sentAt);
    if (probe.contacted) {
      const text = `Was able to connect to ${name} but other probes failed, network may be misconfigured`;
      host.log.warn({ member: name }, text);
      this.#observe(now, probe, "tcp");
      this.#end(now, probe, -1);
      return;
    }
    counters.probesFailed += 1;
    if (!probe.accused) {
      host.log.info({ member: name }, `Suspect ${name} has failed, no acks received`);
    }
    const unheard = isolation.since(probe.sentAt);
    this.#observe(now, probe, "lost");
    this.#claims.handleSuspect(now, this.#suspect(target, probe.incarnation), unheard);
    // Helpers that send no nack either: it may be our own network or machine that is at fault.
    const missingNacks = Math.max(0, probe.expectedNacks - probe.nacks);
    const blame = probe.expectedNacks > 0 ? missingNacks : 1;
    // Unless a refusal came back to us: then both work.
    this.#end(now, probe, probe.accused ? 0 : blame);
  }

  /** Before anything follows from it: evidence comes first. At most once for each probe. */
  #observe(now: Instant, probe: Probe, outcome: TroubledProbe["outcome"]): void {
    const { host, isolation } = this.#parts;
    if (host.observe === undefined || probe.observed) return;
    probe.observed = true;
    host.observe({
      kind: "probe",
      node: probe.target.name,
      outcome,
      took: now - probe.sentAt,
      helpers: probe.helpers.map(({ name }) => name),
      nacks: probe.nacks,
      tcp: foundOverTcp(probe, now >= probe.deadline),
      unheard: isolation.silentSince(probe.sentAt),
      ...(probe.heard && outcome !== "late" && { heard: true }),
      ...(probe.delay >= muchDelay && { delay: Math.round(probe.delay) }),
    });
  }

  #suspect(target: SwimMember, incarnation: number): Suspect {
    return { kind: "suspect", node: target.name, incarnation, from: this.#parts.local.name };
  }

  #end(now: Instant, probe: Probe, awarenessDelta: number): void {
    const { acks, awareness, meter } = this.#parts;
    meter.sample("memberlist.probeNode", now - probe.sentAt);
    acks.forget(probe.seq);
    awareness.apply(awarenessDelta);
    this.#current = undefined;
    if (!this.#behind) return;
    this.#behind = false;
    this.#begin(now);
  }
}

function noteDelay(probe: Probe, now: Instant, after: Millis): void {
  probe.delay = Math.max(probe.delay, now - probe.sentAt - after);
}

/** `over`: the time for it is over, so that a connection that is still being made is none. */
function foundOverTcp(probe: Probe, over: boolean): TroubledProbe["tcp"] {
  const { contacted, dialFailed, dialled, refusals } = probe;
  if (contacted) return "acked";
  if (refusals > 0) return "refused";
  if (dialled === undefined) return "untried";
  if (dialled.stood) return dialled.ended ? "closed" : "silent";
  return dialFailed || over ? "unreachable" : "untried";
}

/** True if the member speaks this version of memberlist's protocol. */
function understands(member: SwimMember, version: number): boolean {
  return (member.versions[1] ?? 0) >= version;
}
