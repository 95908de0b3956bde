import type { Address } from "../base/address.js";
import type { Log } from "../base/log.js";
import { intBelow, type Random } from "../base/random.js";
import type { Bytes } from "../base/units.js";
import { encodeSerfMessage, type QueryMessage, type Relay } from "../wire/serf-messages.js";
import type { SerfConfig } from "./config.js";
import type { SerfCounters } from "./counters.js";
import type { Member } from "./events.js";
import type { Membership } from "./membership.js";

/** memberlist protocol from which on a member passes on what is relayed through it. */
const relayProtocol = 5;

/** Of a query what it takes to answer it. */
export type QueryOrigin = Pick<
  QueryMessage,
  "ltime" | "id" | "ip" | "port" | "sourceNode" | "relayFactor"
>;

/** What {@link QueryReplies} works with. */
export interface ReplyParts {
  readonly config: SerfConfig;
  readonly log: Log;
  readonly random: Random;
  readonly counters: SerfCounters;
  readonly membership: Membership;
  /** Sends one message in a packet of its own. */
  sendUser(to: Address, payload: Bytes): void;
}

/** Takes answers to whoever asked, also through others if that was wished (protocol.md section 5.11). */
export class QueryReplies {
  readonly #parts: ReplyParts;

  constructor(parts: ReplyParts) {
    this.#parts = parts;
  }

  /** Sends an encoded ack or response to the originator of `query`. */
  send(query: QueryOrigin, response: Bytes): void {
    const { ip, port, relayFactor, sourceNode } = query;
    if (!this.#send({ ip, port }, response)) return;
    if (relayFactor === 0 || this.#parts.membership.size < relayFactor + 1) return;
    const relay: Relay = {
      kind: "relay",
      destIp: ip,
      destPort: port,
      destZone: "",
      destNode: sourceNode,
      message: response,
    };
    this.#relay(encodeSerfMessage(relay), relayFactor);
  }

  /** Passes on what somebody asked us to. */
  forward(relay: Relay): void {
    if (!this.#send({ ip: relay.destIp, port: relay.destPort }, relay.message)) return;
    this.#parts.counters.relaysForwarded += 1;
  }

  #relay(message: Bytes, copies: number): void {
    const { config, counters, log } = this.#parts;
    const limit = config.queryResponseSizeLimit;
    if (message.length > limit) {
      log.warn({}, `relayed response exceeds limit of ${limit} bytes`);
      return;
    }
    for (const helper of this.#pickHelpers(copies)) {
      if (this.#send(helper.address, message)) counters.relaysSent += 1;
    }
  }

  #pickHelpers(count: number): Member[] {
    const { config, membership, random } = this.#parts;
    const able: Member[] = [];
    for (const { member } of membership.records()) {
      const suited = member.status === "alive" && member.protocol.max >= relayProtocol;
      if (suited && member.name !== config.name) able.push(member);
    }
    const picked: Member[] = [];
    while (picked.length < count && able.length > 0) {
      const last = able.pop() as Member;
      const index = intBelow(random, able.length + 1);
      if (index === able.length) picked.push(last);
      else picked.push(...able.splice(index, 1, last));
    }
    return picked;
  }

  /** False if there is no such address, or nothing to send. */
  #send(to: Address, message: Bytes): boolean {
    const { log, sendUser } = this.#parts;
    const valid = (to.ip.length === 4 || to.ip.length === 16) && to.port > 0;
    if (!valid || message.length === 0) {
      log.debug({ ip: to.ip.length, port: to.port }, "reply without a usable address dropped");
      return false;
    }
    sendUser(to, message);
    return true;
  }
}
