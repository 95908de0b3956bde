import { type Address, formatIp, parseIp } from "../base/address.js";
import type { Bytes } from "../base/units.js";
import { unmapped } from "./ip-ranges.js";

/** Addresses that are remembered in each direction; all are forgotten when there are more. */
const maxRemembered = 8_192;

/**
 * Translates between addresses and what Node's sockets take and give, which is text. Every packet
 * needs it, and the same few addresses come again and again.
 */
export class IpTexts {
  /** The socket is an IPv6 one that serves IPv4 as well: there IPv4 is written in its long form. */
  readonly #dual: boolean;
  /** At most {@link maxRemembered}. */
  readonly #parsed = new Map<string, Bytes>();
  readonly #formatted = new WeakMap<Bytes, string>();

  constructor(dual: boolean) {
    this.#dual = dual;
  }

  /** The address of a peer; IPv4 always in its short form. Undefined if `text` is none. */
  parse(text: string, port: number): Address | undefined {
    let ip = this.#parsed.get(text);
    if (ip === undefined) {
      const found = parseIp(text.replace(/%.*$/, ""));
      if (found === undefined) return undefined;
      if (this.#parsed.size >= maxRemembered) this.#parsed.clear();
      ip = unmapped(found);
      this.#parsed.set(text, ip);
    }
    return { ip, port };
  }

  /** The text of an address of 4 or 16 bytes. */
  format(ip: Bytes): string {
    let text = this.#formatted.get(ip);
    if (text === undefined) {
      const short = formatIp(ip);
      text = this.#dual && !short.includes(":") ? `::ffff:${short}` : short;
      this.#formatted.set(ip, text);
    }
    return text;
  }
}
