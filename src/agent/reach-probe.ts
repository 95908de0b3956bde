import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { type Address, formatAddress, formatIp } from "../base/address.js";
import type { Bytes, Millis } from "../base/units.js";
import type { Reach, Reached } from "../observe/reach.js";
import { openPacket, sealPacket } from "../wire/envelope.js";
import { DecodeError } from "../wire/errors.js";
import type { Keyring } from "../wire/keyring.js";
import { StreamReader, sealStream } from "../wire/stream.js";
import { decodePacket, encodePacketMessage, type Ping } from "../wire/swim-messages.js";
import { NonceSource } from "./entropy.js";
import { unmapped } from "./ip-ranges.js";
import { systemCode } from "./system-errors.js";

export interface ReachProbe {
  readonly address: Address;
  /** undefined: without encryption. */
  readonly keyring: Keyring | undefined;
  /** For each of both ways, which are tried at the same time. */
  readonly timeout: Millis;
}

/** How long a ping may take that is sent while somebody waits. */
export const probeTimeout: Millis = 900;

/** Datagrams are lost now and then: so many are sent, evenly over the time. */
const datagrams = 3;

const label = "";

/** What a probe found. */
export interface ProbedPath {
  readonly reach: Reach;
  /** The address from which whoever answered sees us; undefined: it did not say, as Serf's agents. */
  readonly seenAs: Bytes | undefined;
}

/**
 * Pings whoever listens for gossip at an address, over TCP and over UDP, from sockets of their own: so it
 * tells what another host finds there. Any agent of Serf's answers as well.
 */
export async function probeReach(probe: ReachProbe): Promise<Reach> {
  return (await probePath(probe)).reach;
}

/** As {@link probeReach}, and how we look from there. */
export async function probePath(probe: ReachProbe): Promise<ProbedPath> {
  const [{ reached: tcp, seenAs }, udp] = await Promise.all([
    pingOverTcp(probe),
    pingOverUdp(probe),
  ]);
  return { reach: { address: formatAddress(probe.address), tcp, udp }, seenAs };
}

interface TcpAnswer {
  readonly reached: Reached;
  readonly seenAs: Bytes | undefined;
}

function pingOverTcp({ address, keyring, timeout }: ReachProbe): Promise<TcpAnswer> {
  return new Promise((resolve) => {
    const secrets = { keyring, label, dialled: true };
    const reader = new StreamReader(secrets);
    const socket = connect({ host: formatIp(unmapped(address.ip)), port: address.port });
    let stands = false;
    const end = (reached: Reached, seenAs?: Bytes): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ reached, seenAs });
    };
    const timer = setTimeout(() => end(stands ? "mute" : "silent"), timeout);
    socket.once("connect", () => {
      stands = true;
      const nonce = nonces();
      socket.write(sealStream(ping(), { ...secrets, compression: false, nonce }));
    });
    socket.on("data", (chunk: Bytes) => {
      try {
        const message = reader.feed(chunk);
        if (message?.kind === "ack") end("answers", addressIn(message.payload));
        else if (message !== undefined) end("mute");
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown;
        end("mute");
      }
    });
    socket.once("error", (error) => end(stands ? "mute" : reachedBy(error)));
    socket.once("close", () => end(stands ? "mute" : "silent"));
  });
}

/** Anybody may have answered. */
function addressIn(payload: Bytes | undefined): Bytes | undefined {
  if (payload?.length !== 4 && payload?.length !== 16) return undefined;
  return unmapped(Uint8Array.from(payload));
}

/** By a socket that is connected, so that the system tells when the host refuses. */
function pingOverUdp({ address, keyring, timeout }: ReachProbe): Promise<Reached> {
  return new Promise((resolve) => {
    const ip = unmapped(address.ip);
    const socket = createSocket(ip.length === 4 ? "udp4" : "udp6");
    let ended = false;
    let refusal: Reached | undefined;
    const timers: NodeJS.Timeout[] = [];
    const end = (reached: Reached): void => {
      if (ended) return;
      ended = true;
      for (const timer of timers) clearTimeout(timer);
      socket.close();
      resolve(reached);
    };
    const after = (delay: Millis, run: () => void): void => {
      timers.push(setTimeout(run, delay));
    };
    const message = ping();
    const send = (): void => {
      const packet = sealPacket(encodePacketMessage(message), {
        keyring,
        label,
        compression: false,
        checksum: false,
        nonce: nonces(),
      });
      socket.send(packet, (error) => {
        if (error !== null) refusal = reachedBy(error);
      });
    };
    socket.on("error", (error) => {
      refusal = reachedBy(error);
    });
    socket.on("message", (packet) => {
      if (confirms(packet, message.seq, keyring)) end("answers");
    });
    after(timeout, () => end(refusal ?? "silent"));
    socket.connect(address.port, formatIp(ip), (error?: Error) => {
      if (error !== undefined) {
        // Nothing can be sent by a socket that is not connected.
        end(reachedBy(error));
        return;
      }
      for (let number = 0; number < datagrams; number += 1) {
        after((number * timeout) / datagrams, send);
      }
    });
  });
}

function confirms(packet: Bytes, seq: number, keyring: Keyring | undefined): boolean {
  try {
    const { messages } = decodePacket(openPacket(packet, { keyring, label }));
    return messages.some((one) => one.kind === "ack" && one.seq === seq);
  } catch (thrown) {
    if (!(thrown instanceof DecodeError)) throw thrown;
    return false;
  }
}

/** To whoever listens: no name is meant, and the answer goes to where it came from. */
function ping(): Ping {
  const nowhere = { sourceIp: new Uint8Array(0), sourcePort: 0, sourceNode: "" };
  return { kind: "ping", seq: Math.floor(Math.random() * 2 ** 31), node: "", ...nowhere };
}

function nonces(): () => Bytes {
  const source = new NonceSource();
  return () => source.next();
}

function reachedBy(error: unknown): Reached {
  switch (systemCode(error)) {
    case "ECONNREFUSED":
      return "refused";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
    case "EACCES":
    case "EPERM":
      return "unreachable";
    default:
      return "silent";
  }
}
