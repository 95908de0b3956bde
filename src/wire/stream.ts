import type { Bytes } from "../base/units.js";
import { boxOverheadBytes, open, seal } from "./aead.js";
import { deflateFrame, inflateFrame } from "./compression.js";
import { AuthenticationError, DecodeError } from "./errors.js";
import type { Keyring } from "./keyring.js";
import { addLabel, labelHeaderBytes } from "./label.js";
import { maxStreamBoxBytes, maxStreamBytes } from "./limits.js";
import { messageTypes } from "./message-types.js";
import { Scanner } from "./msgpack-scanner.js";
import { Writer } from "./msgpack-writer.js";
import { plainBytes } from "./plain-bytes.js";
import { type FindKnown, StreamBody } from "./stream-body.js";
import {
  writeError,
  writeMemberState,
  writePushPullHeader,
  writeUserHeader,
} from "./stream-layouts.js";
import { writeAck, writePing } from "./swim-layouts.js";
import type {
  EncodedPushPull,
  MemberState,
  SentStreamMessage,
  StreamMessage,
} from "./swim-messages.js";
import { encodeText } from "./text.js";
import { readU32, writeU32 } from "./u32.js";

/** What makes a stream one of our own cluster. */
export interface StreamSecrets {
  /** Present if and only if the cluster is encrypted. */
  readonly keyring: Keyring | undefined;
  /** Empty for none; at most 255 bytes. */
  readonly label: string;
  /** True at the side that connected: it sends the label header and gets none back. */
  readonly dialled: boolean;
}

export interface StreamSealing extends StreamSecrets {
  /** Whether to compress, be the message shorter by it or not. */
  readonly compression: boolean;
  /** 12 bytes, never the same twice with one key; called only if there is a keyring. */
  readonly nonce: () => Bytes;
}

/** Type byte and length before a sealed box. */
const boxHeaderBytes = 5;

/** Reads the one message that a peer sends over a stream, in whatever pieces it comes. */
export class StreamReader {
  readonly #secrets: StreamSecrets;
  readonly #findKnown: FindKnown | undefined;
  /** What came so far: at most `maxStreamBytes`, and at most twice that much room. */
  #bytes: Bytes = new Uint8Array(0);
  #length = 0;
  /** Where the frame behind the label begins, once that is known. */
  #start: number | undefined;
  #scanner: Scanner | undefined;
  #body: StreamBody | undefined;
  #done = false;

  /** `findKnown` passes over members that are known, if the stream is neither compressed nor encrypted. */
  constructor(secrets: StreamSecrets, findKnown?: FindKnown) {
    this.#secrets = secrets;
    this.#findKnown = findKnown;
  }

  /**
   * Takes the next piece, which the reader then owns. Returns the message once it is complete, and
   * nothing ever after: bytes behind it are ignored.
   *
   * Throws {@link DecodeError}, {@link AuthenticationError} if the peer is not of our cluster; the
   * reader is finished then. If `answered` is true, the error's message goes back in an err frame.
   */
  feed(chunk: Bytes): StreamMessage | undefined {
    if (this.#done) return undefined;
    try {
      this.#append(chunk);
      const message = this.#read();
      if (message !== undefined) this.#finish();
      return message;
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  #append(chunk: Bytes): void {
    const needed = this.#length + chunk.length;
    if (needed > maxStreamBytes) throw new DecodeError("limit", "too many bytes on a stream");
    if (this.#length === 0) this.#bytes = plainBytes(chunk);
    else {
      if (needed > this.#bytes.length) {
        const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
        grown.set(this.#bytes.subarray(0, this.#length));
        this.#bytes = grown;
      }
      this.#bytes.set(chunk, this.#length);
    }
    this.#length = needed;
  }

  #read(): StreamMessage | undefined {
    this.#start ??= this.#skipLabel();
    if (this.#start === undefined || this.#start >= this.#length) return undefined;
    const type = this.#bytes[this.#start] as number;
    const { keyring } = this.#secrets;
    if (type === messageTypes.encrypted) {
      if (keyring !== undefined) return this.#readBox(this.#start, keyring);
      throw new AuthenticationError("Remote state is encrypted and encryption is not configured");
    }
    if (keyring !== undefined) {
      throw new AuthenticationError("Encryption is configured but remote state is not encrypted");
    }
    if (type === messageTypes.compressed) return this.#readCompressed(this.#start);
    this.#body ??= new StreamBody(type, this.#start, this.#findKnown);
    return this.#body.read(this.#bytes, this.#length);
  }

  #skipLabel(): number | undefined {
    const { dialled, label } = this.#secrets;
    return labelHeaderBytes(this.#bytes.subarray(0, this.#length), dialled ? "" : label);
  }

  #readBox(start: number, keyring: Keyring): StreamMessage | undefined {
    const boxStart = start + boxHeaderBytes;
    if (this.#length < boxStart) return undefined;
    const size = readU32(this.#bytes, start + 1);
    if (size > maxStreamBoxBytes) {
      throw new DecodeError("limit", `Remote node state is larger than limit (${size})`, true);
    }
    if (this.#length < boxStart + size) return undefined;
    const header = this.#bytes.subarray(start, boxStart);
    const box = this.#bytes.subarray(boxStart, boxStart + size);
    const plain = open(keyring, box, boxData(header, this.#secrets.label));
    return readWhole(plain[0] === messageTypes.compressed ? inflate(plain) : plain);
  }

  #readCompressed(start: number): StreamMessage | undefined {
    this.#scanner ??= new Scanner(start + 1);
    const complete = this.#scanner.scan(this.#bytes, this.#length);
    if (this.#scanner.position + this.#scanner.pending > maxStreamBytes) {
      throw new DecodeError("limit", "too many bytes on a stream", true);
    }
    if (!complete) return undefined;
    return readWhole(inflate(this.#bytes.subarray(start, this.#scanner.position)));
  }

  #finish(): void {
    this.#done = true;
    this.#bytes = new Uint8Array(0);
    this.#body = undefined;
  }
}

/** As memberlist does, the peer is told what was wrong with a compressed frame. */
function inflate(frame: Bytes): Bytes {
  try {
    return inflateFrame(frame, maxStreamBytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(error.reason, error.message, true);
  }
}

/** A message of which there will be no more bytes. */
function readWhole(frame: Bytes): StreamMessage {
  const type = frame[0];
  if (type === undefined) throw new DecodeError("truncated", "frame is empty");
  const message = new StreamBody(type, 0).read(frame, frame.length);
  if (message === undefined) throw new DecodeError("truncated", "frame ends within its message");
  return message;
}

/** What is authenticated with a box on a stream, in both directions. */
function boxData(header: Bytes, label: string): Bytes {
  return label === "" ? header : concat(header, encodeText(label));
}

const writer = new Writer("raw");

/** All bytes that carry one message over a stream; the caller owns them. */
export function sealStream(message: SentStreamMessage, sealing: StreamSealing): Bytes {
  const { compression, keyring, label, dialled, nonce } = sealing;
  let frame = encodeStreamMessage(message);
  if (compression) frame = deflateFrame(frame);
  if (keyring !== undefined) frame = sealBox(frame, keyring, label, nonce());
  return addLabel(dialled ? label : "", frame);
}

function sealBox(frame: Bytes, keyring: Keyring, label: string, nonce: Bytes): Bytes {
  const header = new Uint8Array(boxHeaderBytes);
  header[0] = messageTypes.encrypted;
  writeU32(header, 1, boxOverheadBytes + frame.length);
  return concat(header, seal(keyring, nonce, frame, boxData(header, label)));
}

function concat(head: Bytes, tail: Bytes): Bytes {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

/** As a push/pull carries it. */
export function encodeMemberState(member: MemberState): Bytes {
  writer.start();
  writeMemberState(writer, member);
  return writer.take();
}

/** The long pieces are copied once, into their place. */
function encodeWhole({ join, members, states, userState }: EncodedPushPull): Bytes {
  writer.begin(messageTypes.pushPull);
  writePushPullHeader(writer, { join, members, userStateBytes: userState.length });
  const pieces = [writer.take(), ...states, userState];
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}

function encodeStreamMessage(message: SentStreamMessage): Bytes {
  switch (message.kind) {
    case "push-pull":
      writer.begin(messageTypes.pushPull);
      writePushPullHeader(writer, {
        join: message.join,
        members: message.members.length,
        userStateBytes: message.userState.length,
      });
      for (const member of message.members) writeMemberState(writer, member);
      writer.raw(message.userState);
      break;
    case "encoded-push-pull":
      return encodeWhole(message);
    case "ping":
      writer.begin(messageTypes.ping);
      writePing(writer, message);
      break;
    case "ack":
      writer.begin(messageTypes.ack);
      writeAck(writer, message);
      break;
    case "user":
      writer.begin(messageTypes.user);
      writeUserHeader(writer, message.payload.length);
      writer.raw(message.payload);
      break;
    case "error":
      writer.begin(messageTypes.error);
      writeError(writer, message);
      break;
  }
  return writer.take();
}
