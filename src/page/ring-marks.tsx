import type { JSX } from "preact";
import type { MemberInfo } from "../observe/member-info.js";
import { counted, duration, shortened, shown, thousands } from "./format.js";
import { rttOf } from "./order.js";
import type { Place, Sector } from "./ring-layout.js";
import { countStandings, type Standing, standingOf, standings } from "./standing.js";

const mostTroubled = 12;

/** Where nobody has a name beside it, those have that somebody must look at. */
export function TroubledNames({
  places,
  radius,
}: {
  places: readonly Place[];
  radius: number;
}): JSX.Element | null {
  const troubled = places.filter(({ member }) => urgent.includes(standingOf(member)));
  return (
    <g class="troubled">
      {troubled.slice(0, mostTroubled).map(({ member, x, y, angle }) => {
        const side = Math.sin(angle);
        // Towards the middle, where there is room: outside are the values of the tag.
        const inward = (radius - 10) / Math.hypot(x, y);
        return (
          <g key={member.name}>
            <line x1={x} y1={y} x2={x * inward} y2={y * inward} />
            <text
              class="label"
              text-anchor={side > 0 ? "end" : "start"}
              dominant-baseline="central"
              x={x * inward}
              y={y * inward}
            >
              {shortened(shown(member.name), 20)}
            </text>
          </g>
        );
      })}
    </g>
  );
}

const urgent: readonly Standing[] = ["failed", "suspected"];

/** The value of a tag, outside beside its members. */
export function SectorMark({ sector, radius }: { sector: Sector; radius: number }): JSX.Element {
  const { value, count, from, to } = sector;
  const middle = (from + to) / 2;
  const point = (angle: number, at = radius) =>
    `${(Math.sin(angle) * at).toFixed(1)},${(-Math.cos(angle) * at).toFixed(1)}`;
  const [x, y] = point(middle, radius + 12).split(",");
  const side = Math.sin(middle);
  const anchor = Math.abs(side) < 0.2 ? "middle" : side > 0 ? "start" : "end";
  return (
    <g class="sector">
      <path
        d={`M${point(from)}A${radius},${radius} 0 ${to - from > Math.PI ? 1 : 0} 1 ${point(to)}`}
      />
      <text text-anchor={anchor} dominant-baseline="central" x={x} y={y}>
        {value === "" ? "none" : shortened(shown(value), 14)}
        <tspan class="note"> {thousands(count)}</tspan>
      </text>
    </g>
  );
}

/** The count, in words, where the ring is empty. */
export function Middle({
  members,
  radius,
}: {
  members: readonly MemberInfo[];
  radius: number;
}): JSX.Element | null {
  if (radius < 70) return null;
  const counts = countStandings(members);
  const others = standings.filter((standing) => standing !== "alive" && counts[standing] > 0);
  return (
    <g class="middle">
      <text class="count" text-anchor="middle" y={others.length > 0 ? -2 : 6}>
        {thousands(counts.alive)}
      </text>
      <text class="what" text-anchor="middle" y={others.length > 0 ? 20 : 28}>
        {counts.alive === members.length
          ? "all alive"
          : `alive of ${counted(members.length, "member")}`}
      </text>
    </g>
  );
}

/** Name and round trip of the member that is pointed at. */
export function Tip({
  place,
  width,
  height,
  below,
}: {
  place: Place;
  width: number;
  height: number;
  below: number;
}): JSX.Element {
  const { member, x, y } = place;
  const rtt = rttOf(member);
  return (
    <div
      class="tip"
      style={{
        left: `${Math.min(width - 90, Math.max(90, width / 2 + x))}px`,
        top: `${height / 2 + y - below - 8}px`,
      }}
    >
      <strong>{shortened(shown(member.name), 40)}</strong>
      <span>
        {standingOf(member)}
        {rtt === undefined ? "" : ` · ${duration(rtt)}`}
      </span>
    </div>
  );
}
