// biome-ignore-all lint/a11y/useSemanticElements: only some rows of the table are there, and each where it belongs
// biome-ignore-all lint/a11y/useFocusableInteractive: the group of rows has the focus and the keys
// biome-ignore-all lint/a11y/noNoninteractiveTabindex: the group of rows has the focus and the keys
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the group of rows has the focus and the keys
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { MemberInfo } from "../observe/member-info.js";
import { ago, duration, listed, shown } from "./format.js";
import { StandingIcon } from "./glyph.js";
import { useNow, useSize } from "./hooks.js";
import { memo } from "./memo.js";
import { type Column, rttOf, type Sorting, sorted } from "./order.js";
import { standingOf } from "./standing.js";
import { Tags } from "./tags.js";

interface ListProps {
  readonly members: readonly MemberInfo[];
  readonly self: string;
  readonly chosen: string | undefined;
  readonly clockAhead: number;
  readonly onChoose: (name: string | undefined) => void;
  readonly onTag: (tag: string) => void;
}

const rowHeight = 36;

/** Rows above and below those that are seen, so that a quick scroll finds them drawn. */
const spare = 4;

const columns: readonly { readonly column: Column; readonly title: string }[] = [
  { column: "name", title: "Member" },
  { column: "standing", title: "Status" },
  { column: "address", title: "Address" },
  { column: "rtt", title: "Round trip" },
  { column: "heard", title: "Answered" },
];

/** All members, of which only those that are seen are drawn. */
export const MemberList = memo(function MemberList(props: ListProps): JSX.Element {
  const { members, self, chosen, clockAhead, onChoose, onTag } = props;
  const [place, { height }] = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const [sorting, setSorting] = useState<Sorting>({ column: "standing", descending: false });
  const rows = useMemo(() => sorted(members, sorting), [members, sorting]);
  const now = useNow() + clockAhead;
  const slowest = useMemo(() => Math.max(1, ...rows.map((row) => rttOf(row) ?? 0)), [rows]);
  const index = rows.findIndex(({ name }) => name === chosen);

  useEffect(() => {
    const element = place.current;
    if (element === null || index < 0) return;
    const [first, last] = [index * rowHeight, (index + 1) * rowHeight];
    if (first < element.scrollTop) element.scrollTop = first;
    else if (last > element.scrollTop + element.clientHeight) {
      element.scrollTop = last - element.clientHeight;
    }
  }, [chosen]);

  const from = Math.max(0, Math.floor(top / rowHeight) - spare);
  const to = Math.min(rows.length, Math.ceil((top + (height || 600)) / rowHeight) + spare);

  // What scrolls out at one end is used again at the other, which is cheaper than to make it anew.
  const drawn = Math.ceil((height || 600) / rowHeight) + 2 * spare + 1;

  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
    const wanted =
      event.key === "Home" ? 0 : event.key === "End" ? rows.length - 1 : step && index + step;
    if (wanted === undefined || rows.length === 0) return;
    event.preventDefault();
    onChoose(rows[Math.max(0, Math.min(rows.length - 1, wanted))]?.name);
  };

  return (
    <div class="list" role="grid" aria-label="Members" aria-rowcount={rows.length + 1}>
      <div class="row head" role="row" aria-rowindex={1}>
        {columns.map(({ column, title }) => (
          <div
            key={column}
            role="columnheader"
            aria-sort={directionOf(column, sorting)}
            class={column}
          >
            <button type="button" onClick={() => setSorting(sortingBy(column, sorting))}>
              {title}
              <span aria-hidden="true">{arrowOf(column, sorting)}</span>
            </button>
          </div>
        ))}
        <div role="columnheader" class="tags">
          Tags
        </div>
      </div>
      <div
        ref={place}
        class="rows"
        role="rowgroup"
        tabIndex={0}
        aria-label="Members; arrow keys choose one"
        onKeyDown={onKeyDown}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div style={{ height: `${rows.length * rowHeight}px` }}>
          {rows.slice(from, to).map((member, offset) => (
            <Row
              key={(from + offset) % drawn}
              member={member}
              index={from + offset}
              own={member.name === self}
              chosen={member.name === chosen}
              slowest={slowest}
              answered={answeredOf(member, now)}
              onChoose={onChoose}
              onTag={onTag}
            />
          ))}
        </div>
        {rows.length === 0 && <p class="nothing">No member fits.</p>}
      </div>
    </div>
  );
});

function sortingBy(column: Column, { column: before, descending }: Sorting): Sorting {
  return { column, descending: column === before && !descending };
}

function directionOf(column: Column, sorting: Sorting): "ascending" | "descending" | "none" {
  if (column !== sorting.column) return "none";
  return sorting.descending ? "descending" : "ascending";
}

function arrowOf(column: Column, sorting: Sorting): string {
  return { ascending: " ↑", descending: " ↓", none: "" }[directionOf(column, sorting)];
}

function answeredOf({ lastAckedAt }: MemberInfo, now: number): string {
  return lastAckedAt === null ? "" : ago(now - Date.parse(lastAckedAt));
}

interface RowProps {
  readonly member: MemberInfo;
  readonly index: number;
  readonly own: boolean;
  readonly chosen: boolean;
  readonly slowest: number;
  readonly answered: string;
  readonly onChoose: (name: string) => void;
  readonly onTag: (tag: string) => void;
}

const Row = memo(function Row(props: RowProps): JSX.Element {
  const { member, index, own, chosen, slowest, answered, onChoose, onTag } = props;
  const { name, address, suspectedBy, tags } = member;
  const standing = standingOf(member);
  const rtt = rttOf(member);
  return (
    <div
      class={`row${chosen ? " chosen" : ""}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      data-member={name}
      data-standing={standing}
      style={{ transform: `translateY(${index * rowHeight}px)` }}
      onClick={() => onChoose(name)}
    >
      <div role="gridcell" class="name" title={shown(name)}>
        <StandingIcon standing={standing} />
        <span class="clip">{shown(name)}</span>
        {own && <span class="badge">this agent</span>}
      </div>
      <div role="gridcell" class={`standing ${standing}`}>
        {standing}
        {suspectedBy.length > 0 && <small> by {shown(listed(suspectedBy, 2))}</small>}
      </div>
      <div role="gridcell" class="address">
        {address}
      </div>
      <div role="gridcell" class="rtt">
        {rtt !== undefined && standing !== "failed" && standing !== "left" && (
          <>
            <span>{duration(rtt)}</span>
            <i style={{ width: `${Math.max(2, (40 * rtt) / slowest)}px` }} />
          </>
        )}
      </div>
      <div role="gridcell" class="heard">
        {answered}
      </div>
      <div role="gridcell" class="tags">
        <Tags tags={tags} onTag={onTag} />
      </div>
    </div>
  );
});
