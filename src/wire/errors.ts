/** Why bytes were refused; a fixed list, so that failures can be counted by reason. */
export type DecodeReason =
  | "truncated"
  | "malformed"
  | "type"
  | "limit"
  | "label"
  | "checksum"
  | "compression"
  | "encryption";

/**
 * A peer's fault: bytes that are no message. Caught once, where the packet or stream enters; counted
 * by `reason`, logged at debug and dropped. Nothing else leaves a decoder.
 */
export class DecodeError extends Error {
  override readonly name: string = "DecodeError";

  readonly reason: DecodeReason;

  /** True if the peer on a stream is told: an err frame with `message`, which has memberlist's words. */
  readonly answered: boolean;

  constructor(reason: DecodeReason, message: string, answered = false) {
    super(message);
    this.reason = reason;
    this.answered = answered;
  }
}

/** Bytes that no key of ours opens, plaintext where a key is required, or the reverse. */
export class AuthenticationError extends DecodeError {
  override readonly name = "AuthenticationError";

  constructor(message: string) {
    super("encryption", message, true);
  }
}
