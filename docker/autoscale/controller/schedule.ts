export const daysOfWeek = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type DayOfWeek = (typeof daysOfWeek)[number];

/** How many servers there are at least and at most. */
export interface PoolSize {
  readonly minimum: number;
  readonly maximum: number;
}

/** Hours of the week in which another size holds. */
export interface BusinessHours {
  readonly timeZone: string;
  readonly days: readonly DayOfWeek[];
  /** Minutes since midnight; up to midnight and beyond, into the next day, if `to` is not later. */
  readonly from: number;
  readonly to: number;
  readonly size: PoolSize;
}

/**
 * Whether `time`, ms since 1970, is within the hours. The clock of the wall counts: an hour that is
 * left out or comes twice when clocks change is short or long by as much.
 */
export function isWithin(hours: BusinessHours, time: number): boolean {
  const { day, minute } = wallClock(time, hours.timeZone);
  const { from, to, days } = hours;
  const yesterday = daysOfWeek[(daysOfWeek.indexOf(day) + 6) % 7] ?? day;
  if (from < to) return days.includes(day) && minute >= from && minute < to;
  return (days.includes(day) && minute >= from) || (days.includes(yesterday) && minute < to);
}

export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

function wallClock(time: number, timeZone: string): { day: DayOfWeek; minute: number } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(time)
      .map(({ type, value }) => [type, value]),
  );
  const name = parts.get("weekday")?.toLowerCase();
  const day = daysOfWeek.find((each) => each === name) ?? "mon";
  return { day, minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")) };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
}
