import { type Address, sameAddress } from "../base/address.js";
import type { Instant, Millis } from "../base/units.js";
import type { Ping } from "../wire/swim-messages.js";
import type { Parts } from "./parts.js";
import type { Sender } from "./sender.js";
import type { Streams } from "./streams.js";

/** Whether a member answers by this name at this address. */
export interface Question {
  readonly name: string;
  readonly address: Address;
}

/**
 * Finds out who is at an address, by pings that carry a name: whoever bears another one stays silent,
 * and over TCP closes, in all versions of memberlist.
 *
 * Each question goes by UDP and TCP at once. Halfway, by UDP again and through as many others as help
 * with a probe: it may be only our own way to that address that is broken.
 */
export class Asking {
  readonly #parts: Parts;
  readonly #sender: Sender;
  readonly #streams: Streams;
  /** What ends the questions that are open, by the number of their pings: two of an inquiry, a few of our own. */
  readonly #open = new Map<number, (now: Instant, answered: boolean) => void>();

  constructor(parts: Parts, sender: Sender, streams: Streams) {
    this.#parts = parts;
    this.#sender = sender;
    this.#streams = streams;
  }

  /** Questions that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** `done` is called once: with true at the first answer, with false after `time` without one. */
  ask(
    now: Instant,
    { address, name }: Question,
    time: Millis,
    done: (now: Instant, answered: boolean) => void,
  ): void {
    const { acks, host } = this.#parts;
    let open = true;
    const end = (then: Instant, answered: boolean): void => {
      if (!open) return;
      open = false;
      acks.forget(seq);
      this.#open.delete(seq);
      done(then, answered);
    };
    const seq = acks.expect({ handleAck: (then) => end(then, true) });
    this.#open.set(seq, end);
    const ping = this.#sender.ping(seq, name);
    // Alone: who listens there may belong to another group, which is not to hear of this one.
    this.#sender.sendAlone(address, ping);
    this.#streams.dial(address, ping, now + time, (then, outcome) => {
      if (outcome.kind !== "answer") return;
      const { message } = outcome;
      if (message.kind === "ack" && message.seq === seq) end(then, true);
    });
    host.timers.at(now + time / 2, () => {
      if (!open) return;
      this.#sender.sendAlone(address, ping);
      this.#askOthers({ address, name }, seq);
    });
    host.timers.at(now + time, (then) => end(then, false));
  }

  /**
   * A ping that we are about to answer. If it is our own, the address that we ask at leads to ourselves,
   * as when we were told to advertise another one: that is nobody else who answers.
   */
  handlePing(now: Instant, { seq, sourceIp, sourceNode, sourcePort }: Ping): void {
    const { address, name } = this.#parts.local;
    if (sourceNode !== name || !sameAddress(address, { ip: sourceIp, port: sourcePort })) return;
    this.#open.get(seq)?.(now, false);
  }

  #askOthers({ address, name }: Question, seq: number): void {
    const { config, local, members } = this.#parts;
    const helpers = members.pick(
      config.timing.indirectChecks,
      (member) => member.state === "alive" && member !== local && member.name !== name,
    );
    for (const helper of helpers) {
      this.#sender.sendAlone(helper.address, {
        ...this.#sender.ping(seq, name),
        kind: "indirect-ping",
        targetIp: address.ip,
        targetPort: address.port,
        nack: false,
      });
    }
  }
}
