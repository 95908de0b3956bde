import type { StringRecord } from "./records.js";

/** Whom a query asks, and how. */
export interface QueryOptions {
  /** Names of the members that are asked. Default: all. */
  readonly filterNodes?: readonly string[] | undefined;
  /** Only members whose tags match these RE2 expressions, which are not anchored, are asked. Default: all. */
  readonly filterTags?: StringRecord | undefined;
  /** Whether all that are asked say at once that they heard it, answer or not. Default: false. */
  readonly requestAck?: boolean | undefined;
  /** Through how many further members each answer comes as well, 0 to 255, against loss. Default: 0. */
  readonly relayFactor?: number | undefined;
  /** How long answers are taken, in milliseconds. Default, and 0: some seconds, more in a larger cluster. */
  readonly timeout?: number | undefined;
}

/** What one member says to a query: that it heard it, or an answer; each of them once. */
export type QueryReply =
  | { readonly type: "ack"; readonly from: string }
  | { readonly type: "response"; readonly from: string; readonly payload: Uint8Array };
