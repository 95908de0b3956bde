import type { Address } from "../../src/base/address.js";
import { assert } from "../../src/base/assert.js";
import type { Bytes, Millis } from "../../src/base/units.js";
import { openPacket } from "../../src/wire/envelope.js";
import {
  decodeSerfMessage,
  encodeSerfMessage,
  encodeTags,
  type SerfMessage,
  type SerfPushPull,
} from "../../src/wire/serf-messages.js";
import { StreamReader, sealStream } from "../../src/wire/stream.js";
import {
  decodePacket,
  encodePacketMessage,
  type MemberState,
  type PacketMessage,
  type StreamMessage,
} from "../../src/wire/swim-messages.js";
import { type ClusterNode, type NodeOptions, SerfCluster } from "./serf-cluster.js";

/** Versions of a stock agent. */
export const stockVersions = Uint8Array.of(1, 5, 2, 2, 5, 5);

/** Where the made-up peers are. */
export function peerAddress(host: number): Address {
  return { ip: Uint8Array.of(10, 0, 1, host), port: 7946 };
}

/** One Serf machine called `self` and peers that exist only as packets. */
export class LoneSerf {
  readonly cluster: SerfCluster;
  readonly node: ClusterNode;

  constructor(options: NodeOptions = {}) {
    this.cluster = new SerfCluster();
    this.node = this.cluster.add("self", options);
  }

  get serf(): ClusterNode["serf"] {
    return this.node.serf;
  }

  /** A packet with one message arrives. */
  receive(message: PacketMessage, from = peerAddress(99)): void {
    this.receiveBytes(encodePacketMessage(message), from);
  }

  receiveBytes(datagram: Bytes, from = peerAddress(99)): void {
    this.serf.receivePacket(this.cluster.now, from, datagram);
    this.cluster.settle(this.node);
  }

  /** Serf's layer of a packet arrives. */
  hear(message: SerfMessage): void {
    this.hearBytes(encodeSerfMessage(message));
  }

  hearBytes(payload: Bytes): void {
    this.receive({ kind: "user", payload });
  }

  /** The same, over a stream. */
  hearOnStream(message: SerfMessage): void {
    this.#request({ kind: "user", payload: encodeSerfMessage(message) });
  }

  /** A claim that `name` is there. */
  meet(
    name: string,
    host: number,
    { incarnation = 1, tags = {} }: { incarnation?: number; tags?: Record<string, string> } = {},
  ): void {
    const { ip, port } = peerAddress(host);
    const meta = encodeTags(new Map(Object.entries(tags)), 5);
    const versions = stockVersions;
    this.receive({ kind: "alive", node: name, incarnation, ip, port, meta, versions });
  }

  /** A claim that `name` is dead; it says so itself if `from` is left out. */
  lose(name: string, { incarnation = 1, from = "somebody" } = {}): void {
    this.receive({ kind: "dead", node: name, incarnation, from });
  }

  /** A peer begins a push/pull with `state` as Serf's part; returns Serf's part of the answer. */
  exchange(state: SerfMessage, join = false, members: readonly MemberState[] = []): SerfPushPull {
    const userState = encodeSerfMessage(state);
    const reply = this.#request({ kind: "push-pull", join, members, userState });
    assert(reply?.kind === "push-pull", "a push/pull is answered with one");
    const remote = decodeSerfMessage(reply.userState);
    assert(remote.kind === "push-pull", "the user state is Serf's");
    return remote;
  }

  /** A peer connects and sends `message`; returns the answer. */
  #request(message: StreamMessage): StreamMessage | undefined {
    const secrets = { keyring: undefined, label: "", dialled: true };
    const nonce = (): Bytes => new Uint8Array(12);
    const stream = this.serf.acceptStream(this.cluster.now, peerAddress(99));
    assert(stream !== undefined, "the stream is accepted");
    const request = sealStream(message, { ...secrets, compression: false, nonce });
    this.serf.receiveStream(this.cluster.now, stream, request);
    const outputs = this.serf.drain();
    this.cluster.perform(this.node, outputs);
    const reader = new StreamReader(secrets);
    let reply: StreamMessage | undefined;
    for (const output of outputs) if (output.kind === "write") reply ??= reader.feed(output.bytes);
    return reply;
  }

  run(duration: Millis): void {
    this.cluster.run(duration);
  }

  /** What was sent since the last call, message by message. */
  takeSent(): { to: Address; message: PacketMessage }[] {
    return this.node.sent.splice(0).flatMap(({ to, payload }) => {
      const frame = openPacket(payload, { keyring: undefined, label: "" });
      return decodePacket(frame).messages.map((message) => ({ to, message }));
    });
  }

  /** Serf's messages that were sent since the last call. */
  takeSerfSent(): { to: Address; payload: Bytes; message: SerfMessage }[] {
    return this.takeSent().flatMap(({ to, message }) =>
      message.kind === "user"
        ? [{ to, payload: message.payload, message: decodeSerfMessage(message.payload) }]
        : [],
    );
  }
}

/** A push/pull state of somebody who knows nothing, with `parts` of it replaced. */
export function remoteState(parts: Partial<SerfPushPull> = {}): SerfPushPull {
  return {
    kind: "push-pull",
    ltime: 1,
    eventLtime: 1,
    queryLtime: 1,
    statusLtimes: new Map(),
    leftMembers: [],
    events: [],
    ...parts,
  };
}
