import type { Settings } from "./settings.js";

/** Where a value came from. */
export type Source =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly name: string }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string };

export const defaultSource: Source = { kind: "default" };

type OriginOf<T> = T extends readonly string[]
  ? readonly Source[]
  : T extends ReadonlyMap<string, string>
    ? ReadonlyMap<string, Source>
    : Source;

/** Where the value of each option came from: of a list each item, of tags each key. */
export type Origins = { readonly [Field in keyof Settings]: OriginOf<Settings[Field]> };

/** `default`, `file PATH`, `environment VARIABLE` or `flag -NAME`. */
export function describeSource(source: Source): string {
  return source.kind === "default" ? source.kind : `${source.kind} ${source.name}`;
}

/** All sources of one option, each once, in the order in which they were read. */
export function sourcesOf(origin: Origins[keyof Settings]): Source[] {
  if ("kind" in origin) return [origin as Source];
  const all = [...(origin instanceof Map ? origin.values() : (origin as readonly Source[]))];
  const byText = new Map(all.map((source) => [describeSource(source), source]));
  return [...byText.values()];
}
