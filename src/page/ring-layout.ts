import type { MemberInfo } from "../observe/member-info.js";
import { compareNames, compareTexts } from "./order.js";

/** Where a member stands: from the middle of the ring, in pixels. */
export interface Place {
  readonly member: MemberInfo;
  readonly x: number;
  readonly y: number;
  /** From 12 o'clock, clockwise, in radians. */
  readonly angle: number;
}

/** Members with one value of the tag by which the ring is arranged. */
export interface Sector {
  readonly value: string;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

export interface RingLayout {
  readonly places: readonly Place[];
  /** Empty unless the ring is arranged by a tag. */
  readonly sectors: readonly Sector[];
  /** Of each member's dot. */
  readonly dotRadius: number;
  /** Of the free middle, where suspicions are drawn. */
  readonly holeRadius: number;
  readonly lanes: number;
}

/** Dots of more members than that stand in several lanes, side by side. */
const inOneLane = 72;

/** Of the outer radius: what stays free in the middle. */
const hole = 0.48;

/** Between two sectors, in dots. */
const gap = 1.5;

const largestStep = 64;
const largestDot = 17;

/**
 * Members on a ring, by name or by the values of a tag; many stand in lanes behind each other, so that
 * each is a dot to point at even among thousands.
 */
export function layOut(
  members: readonly MemberInfo[],
  radius: number,
  tag?: string | undefined,
): RingLayout {
  const groups = grouped(members, tag);
  const { lanes, step } = closest(groups, radius);
  const columnsOf = (group: readonly MemberInfo[]) => Math.ceil(group.length / lanes);
  const gaps = groups.length > 1 ? groups.length * gap : 0;
  const total = groups.reduce((sum, [, group]) => sum + columnsOf(group), 0) + gaps;
  const slice = (2 * Math.PI) / Math.max(1, total);
  const places: Place[] = [];
  const sectors: Sector[] = [];
  let column = 0;
  for (const [value, group] of groups) {
    const from = column * slice;
    for (const [index, member] of group.entries()) {
      const angle = (column + Math.floor(index / lanes) + (groups.length > 1 ? 0.5 : 0)) * slice;
      const distance = radius - (index % lanes) * step;
      places.push({
        member,
        angle,
        x: Math.sin(angle) * distance,
        y: -Math.cos(angle) * distance,
      });
    }
    column += columnsOf(group);
    if (tag !== undefined) sectors.push({ value, count: group.length, from, to: column * slice });
    if (groups.length > 1) column += gap;
  }
  return {
    places,
    sectors,
    lanes,
    dotRadius: Math.min(largestDot, Math.max(1.5, step * 0.36)),
    holeRadius: radius - (lanes - 0.4) * step,
  };
}

/** The most room for each member with which all of them fit. */
function closest(
  groups: readonly (readonly [string, readonly MemberInfo[]])[],
  radius: number,
): { lanes: number; step: number } {
  const count = groups.reduce((sum, [, group]) => sum + group.length, 0);
  const gaps = groups.length > 1 ? groups.length * gap : 0;
  if (count <= inOneLane) {
    return { lanes: 1, step: Math.min(largestStep, (2 * Math.PI * radius) / (count + gaps || 1)) };
  }
  for (let step = largestStep; step > 1; step -= 0.25) {
    const most = Math.floor((radius * (1 - hole)) / step) + 1;
    for (let lanes = 1; lanes <= most; lanes += 1) {
      const columns = groups.reduce(
        (sum, [, group]) => sum + Math.ceil(group.length / lanes),
        gaps,
      );
      if (columns * step <= 2 * Math.PI * (radius - (lanes - 1) * step)) return { lanes, step };
    }
  }
  return { lanes: Math.floor(radius * (1 - hole)), step: 1 };
}

function grouped(
  members: readonly MemberInfo[],
  tag: string | undefined,
): readonly (readonly [string, readonly MemberInfo[]])[] {
  const inOrder = [...members].sort(compareNames);
  if (tag === undefined) return inOrder.length > 0 ? [["", inOrder]] : [];
  const groups = new Map<string, MemberInfo[]>();
  for (const member of inOrder) {
    const value = member.tags[tag] ?? "";
    const group = groups.get(value);
    if (group === undefined) groups.set(value, [member]);
    else group.push(member);
  }
  return [...groups].sort(
    ([one], [other]) => Number(one === "") - Number(other === "") || compareTexts(one, other),
  );
}
