import type { RpcCoordinate } from "./api.js";
import { decodeBody } from "./bodies.js";
import { arrayHead, FramingError, Packed, packValues } from "./framing.js";

/** What Serf sends for a member of which it knows no coordinate, next to a list that is nil. */
const nowhere = { adjustment: 0, error: 0, height: 0, vec: undefined };

/**
 * The answer to get-coordinate. It is packed by hand: every number is a float64, as Serf has it,
 * where msgpackr would write whole ones as integers.
 */
export function packCoordinate(coordinate: RpcCoordinate | undefined): Packed {
  const { adjustment, error, height, vec } = coordinate ?? nowhere;
  const list = vec === undefined ? [packValues(null)] : [arrayHead(vec.length), ...vec.map(float)];
  const parts = [
    mapHead(2),
    packValues("Coord"),
    mapHead(4),
    packValues("Adjustment"),
    float(adjustment),
    packValues("Error"),
    float(error),
    packValues("Height"),
    float(height),
    packValues("Vec"),
    ...list,
    packValues("Ok", coordinate !== undefined),
  ];
  return new Packed(Buffer.concat(parts));
}

/** Throws FramingError if `value` is no answer to get-coordinate. */
export function decodeCoordinate(value: unknown): RpcCoordinate | undefined {
  const { Ok: known } = decodeBody({ Ok: "flag" }, value);
  const parts: unknown = value instanceof Map ? value.get("Coord") : undefined;
  if (!known) return undefined;
  if (!(parts instanceof Map)) throw new FramingError("Coord: expected a map");
  const vec: unknown = parts.get("Vec");
  if (!Array.isArray(vec)) throw new FramingError("Vec: expected a list");
  return {
    adjustment: decodeFloat("Adjustment", parts.get("Adjustment")),
    error: decodeFloat("Error", parts.get("Error")),
    height: decodeFloat("Height", parts.get("Height")),
    vec: vec.map((part) => decodeFloat("Vec", part)),
  };
}

function decodeFloat(name: string, value: unknown): number {
  if (typeof value === "number") return value;
  throw new FramingError(`${name}: expected a number`);
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** For at most 15 entries, which is more than a coordinate has. */
function mapHead(entries: number): Buffer {
  return Buffer.of(0x80 + entries);
}
