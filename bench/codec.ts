import { Packr } from "msgpackr";
import { decodePacket, encodePacketMessage, type PacketMessage } from "#wire/swim-messages.js";
import { inTurns, printRatios } from "./measure.js";

const ip = Buffer.from([192, 168, 0, 200]);

const messages: Record<string, PacketMessage> = {
  ping: {
    kind: "ping",
    seq: 42,
    node: "web-7f9c",
    sourceIp: ip,
    sourcePort: 7946,
    sourceNode: "balancer-1",
  },
  alive: {
    kind: "alive",
    node: "web-7f9c",
    incarnation: 3,
    ip,
    port: 7946,
    meta: Buffer.from("ff82a4726f6c65a3776562a4706f7274a438303830", "hex"),
    versions: Buffer.from("010502020505", "hex"),
  },
  suspect: { kind: "suspect", node: "web-7f9c", incarnation: 3, from: "balancer-1" },
};

/** The same fields, as msgpackr has to be given them. */
function plain(message: PacketMessage): Record<string, unknown> {
  return Object.fromEntries(Object.entries(message).filter(([name]) => name !== "kind"));
}

const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
});

/** Nanoseconds per call. */
function time(run: () => unknown): number {
  const calls = 20_000;
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call += 1) run();
  return Number(process.hrtime.bigint() - start) / calls;
}

/** Our gossip codec beside msgpackr, on the messages that a cluster sends all day. */
export async function benchCodec(): Promise<void> {
  for (const [name, message] of Object.entries(messages)) {
    const object = plain(message);
    const ours = encodePacketMessage(message);
    const theirs = packr.pack(object);
    const encode = await inTurns(15, {
      gossipd: () => time(() => encodePacketMessage(message)),
      msgpackr: () => time(() => packr.pack(object)),
    });
    printRatios(`encode ${name} (${ours.length} bytes)`, "ns", encode, "msgpackr");
    const decode = await inTurns(15, {
      gossipd: () => time(() => decodePacket(ours)),
      msgpackr: () => time(() => packr.unpack(theirs)),
    });
    printRatios(`decode ${name}`, "ns", decode, "msgpackr");
  }
}
