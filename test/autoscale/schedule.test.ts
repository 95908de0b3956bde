import { expect, test } from "vitest";
import { isWithin } from "../../docker/autoscale/controller/schedule.js";

const size = { minimum: 1, maximum: 2 };
const workdays = ["mon", "tue", "wed", "thu", "fri"] as const;
const day = { timeZone: "Europe/Berlin", days: workdays, from: 8 * 60, to: 18 * 60 + 30, size };
const night = { timeZone: "UTC", days: ["fri"] as const, from: 22 * 60, to: 6 * 60, size };

test.for([
  // A Friday in winter, one hour before UTC.
  { at: "2026-11-20T06:59:59Z", within: false },
  { at: "2026-11-20T07:00:00Z", within: true },
  { at: "2026-11-20T17:29:59Z", within: true },
  { at: "2026-11-20T17:30:00Z", within: false },
  // In summer two.
  { at: "2026-07-17T06:00:00Z", within: true },
  // Still Thursday in UTC, no more on Saturday in Berlin.
  { at: "2026-11-21T10:00:00Z", within: false },
])("at $at it is business hours in Berlin: $within", ({ at, within }) => {
  expect(isWithin(day, Date.parse(at))).toBe(within);
});

test.for([
  { at: "2026-11-20T21:59:00Z", within: false },
  { at: "2026-11-20T22:00:00Z", within: true },
  { at: "2026-11-21T05:59:00Z", within: true },
  { at: "2026-11-21T06:00:00Z", within: false },
  { at: "2026-11-20T05:00:00Z", within: false },
])("the night of Friday ends on Saturday: $at $within", ({ at, within }) => {
  expect(isWithin(night, Date.parse(at))).toBe(within);
});
