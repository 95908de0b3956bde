import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { decompress } from "../../src/wire/lzw.js";
import { encodeSerfMessage, encodeTags } from "../../src/wire/serf-messages.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import {
  type Alive,
  decodePacket,
  encodePacketMessage,
  type PacketMessage,
  type StreamMessage,
} from "../../src/wire/swim-messages.js";
import { shapeOf } from "./msgpack-shape.js";

/** One frame that an agent sent us, peeled. */
export interface Seen {
  readonly transport: "udp" | "tcp";
  /** Wrappers, outermost first: crc, compress. */
  readonly layers: readonly string[];
  /** The names of the messages in it. */
  readonly kinds: readonly string[];
  /** The shape of each message, by its name. */
  readonly shapes: readonly string[];
  readonly bytes: Buffer;
  /** What the layers held. */
  readonly inner: Buffer;
}

const names: Readonly<Record<number, string>> = {
  0: "ping",
  1: "indirect-ping",
  2: "ack",
  3: "suspect",
  4: "alive",
  5: "dead",
  6: "push-pull",
  8: "user",
  11: "nack",
  13: "error",
};
const serfNames: Readonly<Record<number, string>> = {
  0: "leave",
  1: "join",
  3: "user-event",
  4: "query",
  5: "query-response",
  9: "relay",
};

/** Peels a plain frame; throws on whatever a stock agent would not send. */
function peel(transport: "udp" | "tcp", bytes: Buffer): Seen {
  const layers: string[] = [];
  let inner = bytes;
  if (inner[0] === 12) {
    layers.push("crc");
    inner = inner.subarray(5);
  }
  if (inner[0] === 9) {
    layers.push("compress");
    inner = Buffer.from(decompress(compressedPart(inner), 1 << 22));
  }
  const kinds: string[] = [];
  const shapes: string[] = [];
  const parts = inner[0] === 7 ? compoundParts(inner) : [inner];
  for (const part of parts) {
    const { kind, shape } = describe(transport, part);
    kinds.push(kind);
    shapes.push(`${kind} ${shape}`);
  }
  return { transport, layers, kinds, shapes, bytes, inner };
}

function compressedPart(frame: Buffer): Buffer {
  // {Algo: 0, Buf: raw}: the buffer is the last value, so its header tells where it begins.
  const at = frame.indexOf("a3427566", 0, "hex") + 4;
  const header = frame[at] === 0xda ? 3 : frame[at] === 0xdb ? 5 : 1;
  return frame.subarray(at + header);
}

function compoundParts(frame: Buffer): Buffer[] {
  const count = frame[1] as number;
  const parts: Buffer[] = [];
  let at = 2 + 2 * count;
  for (let index = 0; index < count; index += 1) {
    const length = frame.readUInt16BE(2 + 2 * index);
    parts.push(frame.subarray(at, at + length));
    at += length;
  }
  return parts;
}

function describe(transport: "udp" | "tcp", part: Buffer): { kind: string; shape: string } {
  const kind = names[part[0] as number] ?? `type ${part[0]}`;
  if (kind === "user" && transport === "udp") {
    const inner = serfNames[part[1] as number] ?? `serf type ${part[1]}`;
    return { kind: `user.${inner}`, shape: shapeOf(part, 2).shape };
  }
  if (kind === "push-pull") {
    const header = shapeOf(part, 1);
    const first = shapeOf(part, header.next);
    return { kind, shape: `${header.shape} ${first.shape}` };
  }
  return { kind, shape: shapeOf(part, 1).shape };
}

/**
 * A member played by a test: it joins a real agent by push/pull, answers pings while told to, and
 * keeps every frame that the agent sends to it.
 */
export class Observer {
  readonly name: string;
  readonly ip: string;
  readonly seen: Seen[] = [];
  answersPings = true;
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;

  constructor(name: string, ip: string) {
    this.name = name;
    this.ip = ip;
  }

  async open(): Promise<void> {
    const udp = createSocket("udp4");
    udp.on("message", (datagram, from) => this.#packet(datagram, from.address, from.port));
    udp.bind(7946, this.ip);
    await once(udp, "listening");
    this.#udp = udp;
    const tcp = createServer((socket) => {
      const parts: Buffer[] = [];
      socket.on("data", (part) => {
        parts.push(part);
        try {
          const seen = peel("tcp", Buffer.concat(parts));
          this.seen.push(seen);
          socket.destroy();
        } catch {
          // not whole yet
        }
      });
      socket.on("error", () => {});
    });
    tcp.listen(7946, this.ip);
    await once(tcp, "listening");
    this.#tcp = tcp;
  }

  close(): void {
    this.#udp?.close();
    this.#tcp?.close();
  }

  get alive(): Alive {
    return {
      kind: "alive",
      node: this.name,
      incarnation: 1,
      ip: Buffer.from(this.ip.split(".").map(Number)),
      port: 7946,
      meta: encodeTags(new Map([["role", "observer"]]), 5),
      versions: Buffer.from("010502020505", "hex"),
    };
  }

  /** Joins the agent at `to`; what it answers is kept like every other frame and returned decoded. */
  async join(to: string): Promise<StreamMessage> {
    const { kind: _, ...state } = this.alive;
    return this.exchange(to, {
      kind: "push-pull",
      join: true,
      members: [{ ...state, state: "alive" }],
      userState: encodeSerfMessage({
        kind: "push-pull",
        ltime: 1,
        eventLtime: 1,
        queryLtime: 1,
        statusLtimes: new Map([[this.name, 1]]),
        leftMembers: [],
        events: new Array(512).fill(undefined),
      }),
    });
  }

  /** One exchange over a stream: sends `request`, returns the decoded answer. */
  async exchange(to: string, request: StreamMessage): Promise<StreamMessage> {
    const socket = connect(7946, to);
    const reader = new StreamReader({ keyring: undefined, label: "", dialled: true });
    socket.write(
      sealStream(request, {
        compression: true,
        keyring: undefined,
        label: "",
        dialled: true,
        nonce: () => Buffer.alloc(12),
      }),
    );
    const parts: Buffer[] = [];
    for await (const part of socket) {
      parts.push(part as Buffer);
      const answer = reader.feed(part as Buffer);
      if (answer !== undefined) {
        socket.destroy();
        this.seen.push(peel("tcp", Buffer.concat(parts)));
        return answer;
      }
    }
    throw new Error("the agent closed without an answer");
  }

  send(to: string, message: PacketMessage): void {
    this.sendBytes(to, encodePacketMessage(message));
  }

  sendBytes(to: string, bytes: Uint8Array): void {
    this.#udp?.send(bytes, 7946, to);
  }

  /** The frames that hold a message of this name. */
  of(kind: string, transport: "udp" | "tcp" = "udp"): Seen[] {
    return this.seen.filter((seen) => seen.transport === transport && seen.kinds.includes(kind));
  }

  #packet(datagram: Buffer, from: string, port: number): void {
    const seen = peel("udp", datagram);
    this.seen.push(seen);
    for (const message of decodePacket(seen.inner).messages) {
      if (message.kind !== "ping" || !this.answersPings) continue;
      const ack = encodePacketMessage({ kind: "ack", seq: message.seq, payload: undefined });
      this.#udp?.send(ack, port, from);
    }
  }
}
