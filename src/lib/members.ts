import type { StringRecord } from "./records.js";

/**
 * What is known of a member: `alive`; `leaving` while it says goodbye; `left` on purpose; `failed`
 * without a word; `none` is not seen in practice.
 */
export type MemberStatus = "none" | "alive" | "leaving" | "left" | "failed";

/** A member of the cluster as it was when it was asked for; it does not change afterwards. */
export interface Member {
  /** Unique in the cluster. */
  readonly name: string;
  /** The IP address where it is reached, such as `10.0.0.5` or `fd00::5`. */
  readonly address: string;
  /** The port of its gossip. */
  readonly port: number;
  /** An object without prototype, so that only tags are found in it. */
  readonly tags: StringRecord;
  readonly status: MemberStatus;
}

/**
 * Which members are wanted: those that match everything given. Patterns are RE2 expressions that
 * must match the whole text, as those of `gossipd members`.
 */
export interface MemberFilter {
  readonly name?: string | undefined;
  readonly status?: string | undefined;
  /** Patterns for the values, by tag. */
  readonly tags?: StringRecord | undefined;
}
