import type { Bytes } from "../base/units.js";
import type { KnownValues } from "./encoded-list.js";
import { DecodeError } from "./errors.js";
import {
  maxPushPullMembers,
  maxStreamValueBytes,
  maxUserMessageBytes,
  maxUserStateBytes,
} from "./limits.js";
import { messageTypes } from "./message-types.js";
import { Reader } from "./msgpack-reader.js";
import { Scanner } from "./msgpack-scanner.js";
import {
  type PushPullHeader,
  readError,
  readMemberState,
  readPushPullHeader,
  readUserHeader,
} from "./stream-layouts.js";
import { readAck, readPing } from "./swim-layouts.js";
import type { MemberState, StreamMessage } from "./swim-messages.js";

/** Undefined if there is nothing to find. */
export type FindKnown = () => KnownValues | undefined;

/**
 * Reads one message from the plaintext of a stream, of which there may be more each time. Work is in
 * proportion to the bytes, however small the pieces are.
 */
export class StreamBody {
  /** Where the value begins that is read next. */
  #position: number;
  /** Finds the end of the value at {@link #position}. */
  #scanner: Scanner;
  readonly #type: number;
  #header: PushPullHeader | undefined;
  #userBytes: number | undefined;
  /** What was listed and how much of it was kept: a state that is none of the four is passed over. */
  readonly #members: MemberState[] = [];
  #listed = 0;
  readonly #findKnown: FindKnown | undefined;
  #known: KnownValues | undefined;

  /** The type byte stands at `start`. */
  constructor(type: number, start: number, findKnown?: FindKnown) {
    this.#type = type;
    this.#findKnown = findKnown;
    this.#position = start + 1;
    this.#scanner = new Scanner(this.#position);
  }

  /** The message, once the first `end` of `bytes` hold it; it has views into `bytes`. */
  read(bytes: Bytes, end: number): StreamMessage | undefined {
    switch (this.#type) {
      case messageTypes.ping:
        return this.#complete(bytes, end) ? readPing(this.#take(bytes)) : undefined;
      case messageTypes.ack:
        return this.#complete(bytes, end) ? readAck(this.#take(bytes)) : undefined;
      case messageTypes.error:
        return this.#complete(bytes, end) ? readError(this.#take(bytes)) : undefined;
      case messageTypes.user:
        return this.#readUser(bytes, end);
      case messageTypes.pushPull:
        return this.#readPushPull(bytes, end);
      default:
        throw new DecodeError("type", `received invalid msgType (${this.#type})`);
    }
  }

  #readUser(bytes: Bytes, end: number): StreamMessage | undefined {
    if (this.#userBytes === undefined) {
      if (!this.#complete(bytes, end)) return undefined;
      this.#userBytes = readUserHeader(this.#take(bytes));
      if (this.#userBytes > maxUserMessageBytes) throw tooMany("bytes in a user message");
    }
    const payload = this.#tail(bytes, end, this.#userBytes);
    return payload && { kind: "user", payload };
  }

  #readPushPull(bytes: Bytes, end: number): StreamMessage | undefined {
    if (this.#header === undefined) {
      if (!this.#complete(bytes, end)) return undefined;
      this.#header = readPushPullHeader(this.#take(bytes));
      if (this.#header.members > maxPushPullMembers) throw tooMany("members in a push/pull");
      if (this.#header.userStateBytes > maxUserStateBytes) throw tooMany("bytes of user state");
      this.#known = this.#findKnown?.();
    }
    const { members } = this.#header;
    this.#passKnown(bytes, end, members);
    while (this.#listed < members) {
      if (!this.#complete(bytes, end)) return undefined;
      const member = readMemberState(this.#take(bytes));
      if (member !== undefined) this.#members.push(member);
      this.#listed += 1;
      if (member === undefined || this.#known === undefined) continue;
      this.#known.noteRead(member.node);
      this.#passKnown(bytes, end, members);
    }
    const userState = this.#tail(bytes, end, this.#header.userStateBytes);
    if (userState === undefined) return undefined;
    return { kind: "push-pull", join: this.#header.join, members: this.#members, userState };
  }

  #passKnown(bytes: Bytes, end: number, members: number): void {
    const known = this.#known;
    if (known === undefined || this.#listed >= members) return;
    const passed = known.find(bytes, this.#position, end, members - this.#listed);
    if (known.found === 0) return;
    this.#listed += known.found;
    this.#position += passed;
    this.#scanner = new Scanner(this.#position);
  }

  /** True if the value at {@link #position} is there whole. */
  #complete(bytes: Bytes, end: number): boolean {
    const complete = this.#scanner.scan(bytes, end);
    const least = this.#scanner.position + this.#scanner.pending - this.#position;
    if (least > maxStreamValueBytes) throw tooMany("bytes in a value");
    return complete;
  }

  /** A reader of the value that is complete; the next one begins after it. */
  #take(bytes: Bytes): Reader {
    const reader = new Reader(bytes.subarray(0, this.#scanner.position), this.#position);
    this.#position = this.#scanner.position;
    this.#scanner = new Scanner(this.#position);
    return reader;
  }

  #tail(bytes: Bytes, end: number, size: number): Bytes | undefined {
    const tailEnd = this.#position + size;
    return tailEnd > end ? undefined : bytes.subarray(this.#position, tailEnd);
  }
}

function tooMany(what: string): DecodeError {
  return new DecodeError("limit", `too many ${what}`);
}
