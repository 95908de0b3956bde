import type { Bytes } from "../base/units.js";
import type { KnownValues } from "./encoded-list.js";
import { DecodeError } from "./errors.js";
import { maxBufferedEvents, maxEventSlots, maxPushPullMembers } from "./limits.js";
import { Fields, fieldCount, maxLtime, type Reader } from "./msgpack-reader.js";
import type { Writer } from "./msgpack-writer.js";
import type { EventSlot, LamportTime, SerfPushPull } from "./serf-messages.js";

/*
 * How Serf's part of a push/pull lies in MessagePack: the user state that memberlist carries.
 */

/** Names and their Lamport times that are encoded already. */
export interface EncodedLtimes {
  readonly members: number;
  /** Each of any length. */
  readonly pieces: readonly Bytes[];
}

/** One entry of {@link SerfPushPull.statusLtimes}. */
export function writeStatusLtime(writer: Writer, name: string, ltime: LamportTime): void {
  writer.text(name);
  writer.int(ltime);
}

const pushPullFields = new Fields(
  "LTime",
  "StatusLTimes",
  "LeftMembers",
  "EventLTime",
  "Events",
  "QueryLTime",
);

/** `ltimes` stand for {@link SerfPushPull.statusLtimes}. */
export function writeSerfPushPull(
  writer: Writer,
  state: SerfPushPull,
  ltimes?: EncodedLtimes,
): void {
  writer.map(6);
  writer.text("EventLTime");
  writer.int(state.eventLtime);
  writer.text("Events");
  writer.array(state.events.length);
  for (const slot of state.events) {
    if (slot === undefined) writer.nil();
    else writeSlot(writer, slot);
  }
  writer.text("LTime");
  writer.int(state.ltime);
  writer.text("LeftMembers");
  writer.array(state.leftMembers.length);
  for (const name of state.leftMembers) writer.text(name);
  writer.text("QueryLTime");
  writer.int(state.queryLtime);
  writer.text("StatusLTimes");
  if (ltimes !== undefined) {
    writer.map(ltimes.members);
    for (const piece of ltimes.pieces) writer.raw(piece);
    return;
  }
  writer.map(state.statusLtimes.size);
  for (const [name, ltime] of state.statusLtimes) writeStatusLtime(writer, name, ltime);
}

/** Lamport times that are `known` are left out. */
export function readSerfPushPull(reader: Reader, known?: KnownValues): SerfPushPull {
  let ltime = 0;
  let eventLtime = 0;
  let queryLtime = 0;
  let statusLtimes: ReadonlyMap<string, LamportTime> = new Map();
  let leftMembers: string[] = [];
  let events: (EventSlot | undefined)[] = [];
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(pushPullFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "StatusLTimes":
        statusLtimes = readStatusLtimes(reader, known);
        break;
      case "LeftMembers":
        leftMembers = readNames(reader);
        break;
      case "EventLTime":
        eventLtime = reader.uint(maxLtime);
        break;
      case "Events":
        events = readSlots(reader);
        break;
      case "QueryLTime":
        queryLtime = reader.uint(maxLtime);
        break;
      default:
        reader.skip();
    }
  }
  return { kind: "push-pull", ltime, eventLtime, queryLtime, statusLtimes, leftMembers, events };
}

function readStatusLtimes(
  reader: Reader,
  known: KnownValues | undefined,
): Map<string, LamportTime> {
  const count = bounded(reader.map(), maxPushPullMembers);
  const statusLtimes = new Map<string, LamportTime>();
  for (let index = 0; index < count; index += 1) {
    index += reader.passKnown(known, count - index);
    if (index >= count) break;
    const name = reader.text();
    statusLtimes.set(name, reader.uint(maxLtime));
    known?.noteRead(name);
  }
  return statusLtimes;
}

function readNames(reader: Reader): string[] {
  const count = bounded(reader.array() ?? 0, maxPushPullMembers);
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) names.push(reader.text());
  return names;
}

function readSlots(reader: Reader): (EventSlot | undefined)[] {
  const count = bounded(reader.array() ?? 0, maxEventSlots);
  const slots: (EventSlot | undefined)[] = [];
  let eventsLeft = maxBufferedEvents;
  for (let index = 0; index < count; index += 1) {
    const slot = reader.nil() ? undefined : readSlot(reader, eventsLeft);
    if (slot !== undefined) eventsLeft -= slot.events.length;
    slots.push(slot);
  }
  return slots;
}

const slotFields = new Fields("LTime", "Events");

function writeSlot(writer: Writer, slot: EventSlot): void {
  writer.map(2);
  writer.text("Events");
  writer.array(slot.events.length);
  for (const event of slot.events) {
    writer.map(2);
    writer.text("Name");
    writer.text(event.name);
    writer.text("Payload");
    writer.bytes(event.payload);
  }
  writer.text("LTime");
  writer.int(slot.ltime);
}

function readSlot(reader: Reader, eventsLeft: number): EventSlot {
  let ltime = 0;
  let events: EventSlot["events"] = [];
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(slotFields, struct, index)) {
      case "LTime":
        ltime = reader.uint(maxLtime);
        break;
      case "Events":
        events = readEvents(reader, eventsLeft);
        break;
      default:
        reader.skip();
    }
  }
  return { ltime, events };
}

function readEvents(reader: Reader, eventsLeft: number): EventSlot["events"] {
  const count = bounded(reader.array() ?? 0, eventsLeft);
  const events: EventSlot["events"][number][] = [];
  for (let index = 0; index < count; index += 1) events.push(readEvent(reader));
  return events;
}

const eventFields = new Fields("Name", "Payload");

function readEvent(reader: Reader): EventSlot["events"][number] {
  let name = "";
  let payload: Bytes | undefined;
  const struct = reader.struct();
  for (let index = 0; index < fieldCount(struct); index += 1) {
    switch (reader.field(eventFields, struct, index)) {
      case "Name":
        name = reader.text();
        break;
      case "Payload":
        payload = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  return { name, payload };
}

function bounded(count: number, limit: number): number {
  if (count > limit) throw new DecodeError("limit", `user state lists more than ${limit}`);
  return count;
}
