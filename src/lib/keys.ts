import { OperatorError } from "../base/errors.js";
import type { StringRecord } from "./records.js";

/** What the members said to a change, or the listing, of their keys. */
export interface KeyReport {
  /** What members had to object or to add, by their names. */
  readonly messages: StringRecord;
  /** Of a listing: on how many members each key is, by the key in base64. */
  readonly keys: Readonly<Record<string, number>>;
  /** How many members were asked, how many answered, and how many of these could not do it. */
  readonly numNodes: number;
  readonly numResponses: number;
  readonly numErrors: number;
}

/** Not all members did what was asked of their keys. */
export class KeyError extends OperatorError {
  /** Who did, and who did not. */
  readonly report: KeyReport;

  constructor(message: string, report: KeyReport) {
    super(message);
    this.report = report;
  }
}
