import type { StringRecord } from "./records.js";

/** Numbers and facts as texts, by section, in the words of `gossipd info`. */
export type Stats = Readonly<Record<string, StringRecord>>;
