import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { MemberInfo } from "../observe/member-info.js";
import { bow } from "./bow.js";
import { Dot } from "./dot.js";
import { duration, shortened, shown } from "./format.js";
import { useSize } from "./hooks.js";
import { memo } from "./memo.js";
import { rttOf } from "./order.js";
import { layOut, type Place } from "./ring-layout.js";
import { Middle, SectorMark, Tip, TroubledNames } from "./ring-marks.js";
import { standingOf } from "./standing.js";

interface RingProps {
  readonly members: readonly MemberInfo[];
  readonly self: string;
  readonly chosen: string | undefined;
  /** Those that a search is for; undefined: there is none. */
  readonly found: ReadonlySet<string> | undefined;
  /** A tag by whose values the ring is divided. */
  readonly tag: string | undefined;
  readonly onChoose: (name: string | undefined) => void;
}

/** Of more members than that only those in trouble have their names beside them. */
const mostNames = 72;
/** Names lie flat up to that many, and point outwards from then on. */
const mostFlat = 22;
/** Round-trip times stand below the names of so few. */
const mostNotes = 12;
const mostBows = 48;

/** All members on a ring, and bows from those who suspect to those who are suspected. */
export const Ring = memo(function Ring(props: RingProps): JSX.Element {
  const { members, self, chosen, found, tag, onChoose } = props;
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const [pointed, setPointed] = useState<string>();
  const [focused, setFocused] = useState(false);
  const radius = radiusFor(width, height, members.length, tag);
  const layout = useMemo(() => layOut(members, radius, tag), [members, radius, tag]);
  const placed = useMemo(
    () => new Map(layout.places.map((one, index) => [one.member.name, { ...one, index }])),
    [layout],
  );
  const bows = suspicionsOf(layout.places, placed).slice(0, mostBows);
  const active = pointed ?? chosen;
  const tip = active === undefined ? undefined : placed.get(active);

  const onKeyDown = (event: KeyboardEvent) => {
    const reachable = layout.places.filter(({ member }) => found?.has(member.name) ?? true);
    const next = moved(event.key, reachable, chosen);
    if (next === undefined) return;
    event.preventDefault();
    onChoose(next);
  };

  return (
    <div
      ref={place}
      class="ring"
      role="listbox"
      tabIndex={0}
      aria-label="Members on a ring; arrow keys choose one"
      aria-activedescendant={tip === undefined ? undefined : `dot-${tip.index}`}
      onClick={() => onChoose(undefined)}
      onKeyDown={onKeyDown}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    >
      {width > 0 && (
        <svg
          role="presentation"
          width={width}
          height={height}
          viewBox={`${-width / 2} ${-height / 2} ${width} ${height}`}
          class={found === undefined ? "" : "searched"}
          onPointerLeave={() => setPointed(undefined)}
        >
          <defs>
            <marker
              id="head"
              viewBox="0 0 8 8"
              refX="6"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0,0.5L7.5,4L0,7.5Z" />
            </marker>
          </defs>
          <circle class="track" r={radius} />
          {layout.sectors.map((sector) => (
            <SectorMark key={sector.value} sector={sector} radius={radius + layout.dotRadius + 9} />
          ))}
          <g class="bows">
            {bows.map(({ by, of }) => (
              <path
                key={`${by.member.name} ${of.member.name}`}
                d={bow(by, of, layout.dotRadius)}
                marker-end="url(#head)"
              />
            ))}
          </g>
          <Middle members={members} radius={layout.holeRadius} />
          {layout.places.map(({ member, x, y, angle }, index) => (
            <Dot
              key={member.name}
              id={`dot-${index}`}
              name={member.name}
              standing={standingOf(member)}
              x={x}
              y={y}
              angle={angle}
              radius={layout.dotRadius}
              own={member.name === self}
              chosen={member.name === chosen}
              focused={focused && member.name === chosen}
              faded={found !== undefined && !found.has(member.name)}
              label={labelOf(member, layout.places.length)}
              note={layout.places.length <= mostNotes ? noteOf(member, self) : ""}
              flat={layout.places.length <= mostFlat || layout.places.length > mostNames}
              onChoose={onChoose}
              onPoint={setPointed}
            />
          ))}
          {layout.places.length > mostNames && (
            <TroubledNames places={layout.places} radius={layout.holeRadius} />
          )}
        </svg>
      )}
      {tip !== undefined && pointed !== undefined && layout.places.length > mostNotes && (
        <Tip place={tip} width={width} height={height} below={layout.dotRadius} />
      )}
    </div>
  );
});

function radiusFor(width: number, height: number, count: number, tag: string | undefined): number {
  const around = count <= mostFlat ? 64 : count <= mostNames ? 92 : tag === undefined ? 30 : 46;
  const names = count <= mostNames ? 150 : tag === undefined ? 30 : 110;
  const beside = Math.min(names, width * 0.24);
  return Math.max(60, Math.min(height / 2 - around, width / 2 - beside));
}

function moved(
  key: string,
  places: readonly Place[],
  chosen: string | undefined,
): string | undefined {
  const last = places.length - 1;
  const index = places.findIndex(({ member }) => member.name === chosen);
  const to = {
    ArrowRight: index === last ? 0 : index + 1,
    ArrowDown: index === last ? 0 : index + 1,
    ArrowLeft: index <= 0 ? last : index - 1,
    ArrowUp: index <= 0 ? last : index - 1,
    Home: 0,
    End: last,
  }[key];
  return to === undefined ? undefined : places[to]?.member.name;
}

function suspicionsOf(
  places: readonly Place[],
  placed: ReadonlyMap<string, Place>,
): readonly { by: Place; of: Place }[] {
  return places.flatMap((of) =>
    of.member.suspectedBy.flatMap((name) => {
      const by = placed.get(name);
      return by === undefined || by === of ? [] : [{ by, of }];
    }),
  );
}

function labelOf({ name }: MemberInfo, count: number): string {
  return count <= mostNames ? shortened(shown(name), count <= mostFlat ? 20 : 14) : "";
}

function noteOf(member: MemberInfo, self: string): string {
  if (member.name === self) return "this agent";
  const standing = standingOf(member);
  if (standing !== "alive") return standing;
  const rtt = rttOf(member);
  return rtt === undefined ? "" : duration(rtt);
}
