/** Pairs by name, as the wire has them and as programs like to write them. */
export type StringRecord = Readonly<Record<string, string>>;

/**
 * A frozen object with the pairs of `map`. It has no prototype: names come from the network, and a
 * member without a tag `constructor` must not seem to have one.
 */
export function recordOf<Value>(map: ReadonlyMap<string, Value>): Readonly<Record<string, Value>> {
  const record = Object.create(null) as Record<string, Value>;
  for (const [name, value] of map) record[name] = value;
  return Object.freeze(record);
}
