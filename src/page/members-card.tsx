import type { JSX, RefObject } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { MemberInfo } from "../observe/member-info.js";
import { arrangingTags } from "./arranging-tags.js";
import { counted, shown } from "./format.js";
import { MemberList } from "./member-list.js";
import { Ring } from "./ring.js";
import { everyone, type Search } from "./search.js";

interface MembersProps {
  readonly members: readonly MemberInfo[];
  /** Those that the search is for; undefined: there is none. */
  readonly found: readonly MemberInfo[] | undefined;
  readonly self: string;
  readonly chosen: string | undefined;
  readonly clockAhead: number;
  readonly search: Search;
  /** Where a search is written. */
  readonly box: RefObject<HTMLInputElement | null>;
  readonly onSearch: (search: Search) => void;
  readonly onTag: (tag: string) => void;
  readonly onChoose: (name: string | undefined) => void;
}

type View = "ring" | "list";

/** The members, on a ring or in a list. */
export function MembersCard(props: MembersProps): JSX.Element {
  const { members, found, self, chosen, clockAhead, search, box, onSearch, onTag, onChoose } =
    props;
  const [view, setView] = useState<View>("ring");
  const [tag, setTag] = useState<string>();
  const tags = useMemo(() => arrangingTags(members), [members]);
  const arrangedBy = tag !== undefined && tags.includes(tag) ? tag : undefined;
  const foundNames = useMemo(
    () => (found === undefined ? undefined : new Set(found.map(({ name }) => name))),
    [found],
  );
  return (
    <section class="card cluster" aria-label="Members">
      <header>
        <h2>Members</h2>
        <input
          ref={box}
          type="search"
          placeholder="Search, or role=web"
          aria-label="Search members by name, address or tag"
          aria-keyshortcuts="/"
          value={search.text}
          onInput={(event) => onSearch({ ...search, text: event.currentTarget.value })}
        />
        {found !== undefined && (
          <button
            type="button"
            class="about"
            title="Show all (Esc)"
            onClick={() => onSearch(everyone)}
          >
            {counted(found.length, "member")} of {members.length} <span aria-hidden="true">✕</span>
          </button>
        )}
        <span class="space" />
        {view === "ring" && tags.length > 0 && (
          <label class="arrange">
            by
            <select
              aria-label="Arrange the ring by"
              value={arrangedBy ?? ""}
              onChange={(event) => setTag(event.currentTarget.value || undefined)}
            >
              <option value="">name</option>
              {tags.map((one) => (
                <option key={one} value={one}>
                  {shown(one)}
                </option>
              ))}
            </select>
          </label>
        )}
        <fieldset class="choice" aria-label="View">
          {(["ring", "list"] as const).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={view === one}
              onClick={() => setView(one)}
            >
              {one === "ring" ? "Ring" : "List"}
            </button>
          ))}
        </fieldset>
      </header>
      {view === "ring" ? (
        <Ring
          members={members}
          self={self}
          chosen={chosen}
          found={foundNames}
          tag={arrangedBy}
          onChoose={onChoose}
        />
      ) : (
        <MemberList
          members={found ?? members}
          self={self}
          chosen={chosen}
          clockAhead={clockAhead}
          onChoose={onChoose}
          onTag={onTag}
        />
      )}
    </section>
  );
}
