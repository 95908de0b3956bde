import { expect, test } from "vitest";
import { encodeSerfMessage } from "../../src/wire/serf-messages.js";
import { LoneSerf } from "../support/lone-serf.js";
import { RecordedMeter } from "../support/recorded-meter.js";

const payload = new Uint8Array(3);

test("an event is counted by its name, once, and messages by their length", () => {
  const meter = new RecordedMeter();
  const lone = new LoneSerf({ meter });
  lone.meet("peer", 2);
  const message = {
    kind: "user-event",
    ltime: 5,
    name: "deploy",
    payload,
    coalesce: false,
  } as const;
  meter.take("serf.msgs.received");
  lone.hear(message);
  lone.hear(message);
  const { length } = encodeSerfMessage(message);
  expect(meter.take("serf.events.deploy")).toEqual([1]);
  expect(meter.take("serf.msgs.received")).toEqual([length, length]);
  meter.take("serf.msgs.sent");
  lone.run(200);
  expect(meter.take("serf.msgs.sent")).toContain(length);
});

test("the queues are measured every half a minute", () => {
  const meter = new RecordedMeter();
  const lone = new LoneSerf({ meter });
  lone.run(29_000);
  expect(meter.take("serf.queue.Event")).toEqual([]);
  lone.run(2_000);
  for (const queue of ["Intent", "Event", "Query"]) {
    expect(meter.take(`serf.queue.${queue}`)).toEqual([0]);
  }
  expect(meter.take("memberlist.queue.broadcasts")).toHaveLength(1);
});
