import type { PacketMessage, SentStreamMessage } from "../wire/swim-messages.js";

/** So many, and how many bytes they had. */
export interface Tally {
  count: number;
  bytes: number;
}

/** What a packet is for, by its first message; claims and more may travel along. */
export type PacketKind = "ping" | "indirect-ping" | "ack" | "nack" | "gossip";

/** Nothing could be read of the one that is `unreadable`. */
export type ReceivedPacketKind = PacketKind | "unreadable";

export type StreamKind = Exclude<SentStreamMessage["kind"], "encoded-push-pull">;

/** What went over the network by what it was for: made once, and only added to. */
export class Traffic {
  readonly sent: Readonly<Record<PacketKind, Tally>> = {
    ping: none(),
    "indirect-ping": none(),
    ack: none(),
    nack: none(),
    gossip: none(),
  };
  readonly received: Readonly<Record<ReceivedPacketKind, Tally>> = {
    ping: none(),
    "indirect-ping": none(),
    ack: none(),
    nack: none(),
    gossip: none(),
    unreadable: none(),
  };
  /** Messages over TCP; what was received of one that never got whole is not in here. */
  readonly streamed = { sent: newStreamTallies(), received: newStreamTallies() } as const;
}

/** Claims, and whatever the layer above has to say, are gossip. */
export function packetKindOf({ kind }: PacketMessage): PacketKind {
  switch (kind) {
    case "ping":
    case "indirect-ping":
    case "ack":
    case "nack":
      return kind;
    case "alive":
    case "suspect":
    case "dead":
    case "user":
      return "gossip";
  }
}

export function streamKindOf({ kind }: Pick<SentStreamMessage, "kind">): StreamKind {
  return kind === "encoded-push-pull" ? "push-pull" : kind;
}

export function add(tally: Tally, bytes: number): void {
  tally.count += 1;
  tally.bytes += bytes;
}

function none(): Tally {
  return { count: 0, bytes: 0 };
}

function newStreamTallies(): Readonly<Record<StreamKind, Tally>> {
  return { "push-pull": none(), ping: none(), ack: none(), user: none(), error: none() };
}
