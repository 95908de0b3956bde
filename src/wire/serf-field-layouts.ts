import { Fields, fieldCount, type Reader } from "./msgpack-reader.js";
import type { Writer } from "./msgpack-writer.js";
import type { CoordinateMessage, QueryFilter } from "./serf-messages.js";

/*
 * How that lies in MessagePack which fields of other messages hold: tags, lists of names, filters and
 * coordinates.
 */

/** Sorted by key, so that the same tags are always the same bytes (Go's order is random). */
export function writeTags(writer: Writer, tags: ReadonlyMap<string, string>): void {
  writer.map(tags.size);
  for (const key of [...tags.keys()].sort()) {
    writer.text(key);
    writer.text(tags.get(key) as string);
  }
}

/** Puts the tags into `tags` one by one: what came before a fault stays there. */
export function readTags(reader: Reader, tags: Map<string, string>): Map<string, string> {
  const count = reader.map();
  for (let index = 0; index < count; index += 1) {
    const key = reader.text();
    tags.set(key, reader.text());
  }
  return tags;
}

export function writeTexts(writer: Writer, texts: readonly string[]): void {
  writer.array(texts.length);
  for (const text of texts) writer.text(text);
}

/** A list of texts; undefined for nil. */
export function readTexts(reader: Reader): string[] | undefined {
  const count = reader.array();
  if (count === undefined) return undefined;
  const texts: string[] = [];
  for (let index = 0; index < count; index += 1) texts.push(reader.text());
  return texts;
}

type TagFilter = Extract<QueryFilter, { kind: "tag" }>;

const tagFilterFields = new Fields("Tag", "Expr");

export function writeTagFilter(writer: Writer, filter: TagFilter): void {
  writer.map(2);
  writer.text("Expr");
  writer.text(filter.expr);
  writer.text("Tag");
  writer.text(filter.tag);
}

export function readTagFilter(reader: Reader): TagFilter {
  let tag = "";
  let expr = "";
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(tagFilterFields, struct, index)) {
      case "Tag":
        tag = reader.text();
        break;
      case "Expr":
        expr = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "tag", tag, expr };
}

const coordinateFields = new Fields("Vec", "Error", "Adjustment", "Height");

export function writeCoordinate(writer: Writer, coordinate: CoordinateMessage): void {
  writer.map(4);
  writer.text("Adjustment");
  writer.float(coordinate.adjustment);
  writer.text("Error");
  writer.float(coordinate.error);
  writer.text("Height");
  writer.float(coordinate.height);
  writer.text("Vec");
  writer.array(coordinate.vec.length);
  for (const component of coordinate.vec) writer.float(component);
}

/** Any number of dimensions and any float: whether it is sane is for the receiver to say. */
export function readCoordinate(reader: Reader): CoordinateMessage {
  let vec: number[] = [];
  let error = 0;
  let adjustment = 0;
  let height = 0;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(coordinateFields, struct, index)) {
      case "Vec":
        vec = readVec(reader);
        break;
      case "Error":
        error = reader.float();
        break;
      case "Adjustment":
        adjustment = reader.float();
        break;
      case "Height":
        height = reader.float();
        break;
      default:
        reader.skip();
    }
  }
  return { vec, error, adjustment, height };
}

function readVec(reader: Reader): number[] {
  const count = reader.array() ?? 0;
  const vec: number[] = [];
  for (let index = 0; index < count; index += 1) vec.push(reader.float());
  return vec;
}
