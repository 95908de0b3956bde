import type { Millis } from "../base/units.js";
import { isObject } from "./json-object.js";
import type { Notes } from "./proxy.js";

/** What an earlier process remembered, and how long ago that was. */
export function recall(
  notes: Notes,
  host: { wallClock(): string },
): { readonly memory: unknown; readonly age: Millis } {
  const kept = notes.read("policy");
  if (!isObject(kept) || typeof kept.at !== "string") return { memory: undefined, age: 0 };
  const age = Date.parse(host.wallClock()) - Date.parse(kept.at);
  return { memory: kept.memory ?? undefined, age: age > 0 ? age : 0 };
}
