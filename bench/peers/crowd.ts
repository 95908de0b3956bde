import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { openPacket } from "#wire/envelope.js";
import { encodeSerfMessage, encodeTags } from "#wire/serf-messages.js";
import { StreamReader, type StreamSealing, sealStream } from "#wire/stream.js";
import { decodePacket, encodePacketMessage, type MemberState } from "#wire/swim-messages.js";
import { gossipPort } from "./bench-agent.js";

/** memberlist's and Serf's protocol versions, as both programs announce them. */
const versions = Uint8Array.of(1, 5, 2, 2, 5, 5);

const sealing: StreamSealing = {
  compression: true,
  keyring: undefined,
  label: "",
  dialled: true,
  nonce: () => new Uint8Array(12),
};

/**
 * Members that do not exist, all at one address: an agent that is told of them finds them there, for
 * whoever of them is asked answers, and so they stay alive in its view.
 */
export class Crowd {
  readonly #ip: string;
  readonly #size: number;
  readonly #udp: Socket = createSocket("udp4");
  readonly #tcp: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.destroy();
  });

  constructor(ip: string, size: number) {
    this.#ip = ip;
    this.#size = size;
  }

  async open(): Promise<void> {
    this.#udp.on("message", (packet, { address, port }) => {
      const frame = openPacket(packet, { keyring: undefined, label: "" });
      for (const message of decodePacket(frame).messages) {
        if (message.kind !== "ping") continue;
        const { seq } = message;
        const ack = encodePacketMessage({ kind: "ack", seq, payload: undefined });
        this.#udp.send(ack, port, address);
      }
    });
    this.#udp.bind(gossipPort, this.#ip);
    this.#tcp.listen(gossipPort, this.#ip);
    await Promise.all([once(this.#udp, "listening"), once(this.#tcp, "listening")]);
  }

  /** Tells the agent at `ip` of all, as a member does that exchanges its state. */
  async enter(ip: string): Promise<void> {
    const userState = encodeSerfMessage({
      kind: "push-pull",
      ltime: 1,
      eventLtime: 1,
      queryLtime: 1,
      statusLtimes: new Map(),
      leftMembers: [],
      events: [],
    });
    const members = Array.from({ length: this.#size }, (_, index) => this.#member(index));
    const message = { kind: "push-pull", join: false, members, userState } as const;
    const socket = connect(gossipPort, ip);
    const reader = new StreamReader({ keyring: undefined, label: "", dialled: true });
    socket.write(sealStream(message, sealing));
    try {
      // With its answer the agent has taken ours.
      for await (const chunk of socket) if (reader.feed(chunk as Buffer) !== undefined) return;
      throw new Error(`${ip} closed the exchange`);
    } finally {
      socket.destroy();
    }
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #member(index: number): MemberState {
    const tags = new Map([
      ["role", "web"],
      ["port", "8080"],
      ["zone", `zone-${index % 5}`],
    ]);
    return {
      node: `made-up-${index}`,
      incarnation: 1,
      ip: Uint8Array.from(this.#ip.split("."), Number),
      port: gossipPort,
      meta: encodeTags(tags, 5),
      state: "alive",
      versions,
    };
  }
}
