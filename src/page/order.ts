import type { MemberInfo } from "../observe/member-info.js";
import { type Standing, standingOf } from "./standing.js";

/** A column of the list by which it can be sorted. */
export type Column = "name" | "standing" | "address" | "rtt" | "heard";

export interface Sorting {
  readonly column: Column;
  readonly descending: boolean;
}

const collator = new Intl.Collator("en", { numeric: true });

/** `web-2` before `web-10`. */
export function compareTexts(one: string, other: string): number {
  return collator.compare(one, other);
}

export function compareNames(one: MemberInfo, other: MemberInfo): number {
  return compareTexts(one.name, other.name);
}

/** What is not known comes last, whichever way it is sorted. */
export function sorted(
  members: readonly MemberInfo[],
  { column, descending }: Sorting,
): readonly MemberInfo[] {
  const sign = descending ? -1 : 1;
  return [...members].sort(
    (one, other) => compareBy(column, sign, one, other) || compareNames(one, other),
  );
}

function compareBy(column: Column, sign: number, one: MemberInfo, other: MemberInfo): number {
  switch (column) {
    case "name":
      return sign * compareNames(one, other);
    case "address":
      return sign * compareTexts(one.address, other.address);
    case "standing":
      return sign * (urgency(one) - urgency(other));
    case "rtt":
      return compareKnown(rttOf(one), rttOf(other), sign);
    case "heard":
      return compareKnown(ageOf(one), ageOf(other), sign);
  }
}

/** Those first that somebody must look at. */
const urgencies: Readonly<Record<Standing, number>> = {
  failed: 0,
  suspected: 1,
  leaving: 2,
  left: 3,
  alive: 4,
};

function urgency(member: MemberInfo): number {
  return urgencies[standingOf(member)];
}

function compareKnown(one: number | undefined, other: number | undefined, sign: number): number {
  if (one === undefined || other === undefined) {
    return Number(one === undefined) - Number(other === undefined);
  }
  return sign * (one - other);
}

/** Measured if it can be had, else estimated. */
export function rttOf({ lastRttMillis, rttMillis }: MemberInfo): number | undefined {
  return lastRttMillis ?? rttMillis ?? undefined;
}

/** Grows with the time since it was heard; only differences count. */
function ageOf({ lastAckedAt }: MemberInfo): number | undefined {
  return lastAckedAt === null ? undefined : -Date.parse(lastAckedAt);
}
