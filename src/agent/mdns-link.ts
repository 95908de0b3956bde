import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { networkInterfaces, platform } from "node:os";
import type mdns from "multicast-dns";
import { OperatorError } from "../base/errors.js";
import type { Log } from "../base/log.js";
import type { MdnsAnswers, MdnsRecord } from "./mdns-records.js";
import { systemReason } from "./system-errors.js";

const port = 5_353;

/** One way into the local network: all interfaces for IPv4, or one for either. */
interface Way {
  readonly type: "udp4" | "udp6";
  readonly group: string;
  /** As Node's multicast functions take it; undefined if the system is to choose. */
  readonly interface: string | undefined;
}

export interface LinkOptions {
  /** Empty for all interfaces. */
  readonly interface: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly log: Log;
}

/** Multicast DNS on this host: answers questions, and asks them. */
export class MdnsLink {
  readonly #library: typeof mdns;
  readonly #options: LinkOptions;
  /** One for each way that there was at the start. */
  readonly #responders: mdns.MulticastDNS[] = [];
  /** Those that wait for answers. */
  readonly #askers = new Set<mdns.MulticastDNS>();

  /** Begins to answer. Throws {@link OperatorError} if that is not possible anywhere. */
  static async open(answers: MdnsAnswers, options: LinkOptions): Promise<MdnsLink> {
    const { default: library } = await import("multicast-dns");
    const link = new MdnsLink(library, options);
    const failures: string[] = [];
    for (const way of waysOf(options)) {
      try {
        link.#responders.push(await link.#respond(way, answers));
      } catch (error) {
        const reason = systemReason(error);
        options.log.debug({ group: way.group, reason }, "multicast group cannot be listened to");
        failures.push(`listen ${way.type} ${way.group}:${port}: ${reason}`);
      }
    }
    if (link.#responders.length > 0) return link;
    const reason = failures.join("; ") || "no interface for multicast";
    throw new OperatorError(`Error starting mDNS listener: ${reason}`);
  }

  private constructor(library: typeof mdns, options: LinkOptions) {
    this.#library = library;
    this.#options = options;
  }

  /**
   * Asks who offers `service`, and hands over what is answered until the next question. From a port
   * of its own, as Serf does, so that answers come to us and to none of those who share mDNS's port.
   * Rejects if it could be asked nowhere.
   */
  async ask(service: string, take: (records: readonly MdnsRecord[]) => void): Promise<void> {
    this.#endAsking();
    const asked = waysOf(this.#options).map((way) => this.#askOn(way, service, take));
    const results = await Promise.allSettled(asked);
    const failures = results.filter((result) => result.status === "rejected");
    for (const { reason } of failures) {
      this.#options.log.debug({ reason: systemReason(reason) }, "nobody could be asked");
    }
    if (failures.length === results.length) throw failures[0]?.reason ?? new Error("no interface");
  }

  close(): void {
    this.#endAsking();
    for (const responder of this.#responders) responder.destroy();
  }

  #endAsking(): void {
    for (const asker of this.#askers) asker.destroy();
    this.#askers.clear();
  }

  async #respond(way: Way, answers: MdnsAnswers): Promise<mdns.MulticastDNS> {
    const { group: ip, interface: address, type } = way;
    // Bound to the group alone nobody from outside the link can ask; Windows cannot do that.
    const bind = platform() === "win32" ? false : boundGroup(way);
    const responder = this.#library({
      type,
      ip,
      ...(address === undefined ? {} : { interface: address }),
      ...(bind === false ? {} : { bind }),
    });
    const ready = once(responder, "ready");
    this.#listen(responder);
    responder.on("query", ({ id, questions = [] }, { address: from, port: fromPort }) => {
      const records = questions.flatMap((question) => answers.to(question));
      if (records.length === 0) return;
      // Who asks from another port wants the answer there, and does not know the group (RFC 6762, 6.7).
      if (fromPort === port) responder.respond([...new Set(records)]);
      else
        responder.respond(
          { id, questions, answers: [...new Set(records)] },
          { address: from, port: fromPort },
        );
    });
    try {
      await ready;
    } catch (error) {
      responder.destroy();
      throw error;
    }
    return responder;
  }

  async #askOn(
    way: Way,
    service: string,
    take: (records: readonly MdnsRecord[]) => void,
  ): Promise<void> {
    const { group: ip, interface: address, type } = way;
    const socket = createSocket(type);
    const asker = this.#library({
      type,
      ip,
      socket,
      bind: false,
      multicast: false,
      interface: address ?? "",
    });
    this.#askers.add(asker);
    this.#listen(asker);
    asker.on("response", ({ additionals = [], answers = [] }) =>
      take([...answers, ...additionals]),
    );
    socket.bind(0);
    await once(socket, "listening");
    socket.setMulticastTTL(255);
    if (address !== undefined) socket.setMulticastInterface(address);
    await new Promise<void>((resolve, reject) => {
      const id = 1 + Math.floor(Math.random() * 65_535);
      const question = { id, questions: [{ name: service, type: "PTR" as const }] };
      asker.query(question, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  #listen(socket: mdns.MulticastDNS): void {
    const note = (error: Error): void => {
      this.#options.log.debug({ reason: systemReason(error) }, "mdns socket has trouble");
    };
    socket.on("warning", note);
    socket.on("error", note);
  }
}

function waysOf({ interface: name, ipv4, ipv6 }: LinkOptions): Way[] {
  const ways: Way[] = [];
  const chosen = Object.entries(networkInterfaces()).filter(([one]) => name === "" || one === name);
  if (ipv4) {
    const type = "udp4";
    const group = "224.0.0.251";
    const own = chosen.flatMap(([, addresses]) => addresses ?? []).filter(isIpv4)[0]?.address;
    if (name === "") ways.push({ type, group, interface: undefined });
    else if (own !== undefined) ways.push({ type, group, interface: own });
  }
  if (!ipv6) return ways;
  for (const [one, addresses = []] of chosen) {
    const reaches = addresses.some(({ address, internal }) => isIPv6(address) && !internal);
    if (reaches) ways.push({ type: "udp6", group: "ff02::fb", interface: `::%${one}` });
  }
  return ways;
}

function isIpv4({ family }: { readonly family: string }): boolean {
  return family === "IPv4";
}

/** The group with its interface, as bind takes it. */
function boundGroup({ group, interface: address, type }: Way): string {
  return type === "udp4" ? group : `${group}${address?.slice(2) ?? ""}`;
}
