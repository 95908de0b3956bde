import type { Address } from "../base/address.js";
import type { Instant } from "../base/units.js";
import type { IndirectPing, PingSource } from "../wire/swim-messages.js";
import type { Parts } from "./parts.js";
import type { Sender } from "./sender.js";

/** Pings under way for others; each ends after ProbeTimeout. */
const maxRelays = 1_024;

/** Pings a member for another that got no answer from it (SWIM section 3.1). */
export class Relay {
  readonly #parts: Parts;
  readonly #sender: Sender;
  #pending = 0;

  constructor(parts: Parts, sender: Sender) {
    this.#parts = parts;
    this.#sender = sender;
  }

  handleIndirectPing(now: Instant, request: IndirectPing, from: Address): void {
    const { acks, config, counters, host } = this.#parts;
    const sender = this.#sender;
    if (this.#pending >= maxRelays || !isAddress(request.targetIp)) {
      counters.relaysRefused += 1;
      return;
    }
    this.#pending += 1;
    counters.pingsRelayed += 1;
    const asker = answerTo(request, from);
    let open = true;
    const end = (): void => {
      open = false;
      this.#pending -= 1;
      acks.forget(seq);
    };
    // A number of our own: the asker's may be one that we use ourselves.
    const seq = acks.expect({
      handleAck: (then) => {
        end();
        sender.send(then, asker, { kind: "ack", seq: request.seq, payload: undefined });
      },
    });
    const port = request.targetPort === 0 ? config.bindPort : request.targetPort;
    sender.send(now, { ip: request.targetIp, port }, sender.ping(seq, request.node));
    host.sendTimers.at(now + config.timing.probeTimeout, (then) => {
      if (!open) return;
      end();
      if (request.nack) sender.send(then, asker, { kind: "nack", seq: request.seq });
    });
  }
}

/** Where an answer goes: to the address that the ping gives, else to where it came from. */
export function answerTo({ sourceIp, sourcePort }: PingSource, from: Address): Address {
  return isAddress(sourceIp) && sourcePort > 0 ? { ip: sourceIp, port: sourcePort } : from;
}

function isAddress(ip: Uint8Array): boolean {
  return ip.length === 4 || ip.length === 16;
}
